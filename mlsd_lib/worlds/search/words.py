"""The words of the simulated web: what its things are called, and the two ways in which people name each of them.

Every concept has a *common* wording and *another* one that shares no word with it ("Italian restaurant", "trattoria").
Neighbours in a list (the first and the second, the third and the fourth …) are akin: a page about one is of some use
to those who look for the other.
"""

from __future__ import annotations

from typing import NamedTuple


class Wording(NamedTuple):
    """The two ways to name a concept; they share no word.

    Attributes:
        common: What most people say.
        other: What the rest say.
    """

    common: str
    other: str


def _pairs(text: str) -> tuple[Wording, ...]:
    return tuple(Wording(*(part.strip() for part in line.split("|"))) for line in text.strip().splitlines())


def _several(text: str) -> list[str]:
    return text.split()


# Eighteen kinds of businesses, eight of events, ten of professions: all are looked for in a town.
LOCAL = _pairs("""
Italian restaurant | trattoria
pizza | margherita oven
Indian restaurant | curry house
Thai restaurant | Siamese kitchen
Japanese restaurant | sushi bar
Korean restaurant | bibimbap grill
French restaurant | bistro
Spanish restaurant | tapas bodega
Mexican restaurant | taqueria
vegetarian restaurant | meatless eatery
dentist | tooth surgery
orthodontist | braces clinic
plumber | drain repairs
heating engineer | boiler service
hairdresser | cuts and colours
barber | gents grooming
bakery | patisserie
coffee shop | espresso corner
jazz festival | swing nights
concert | live gig
flower market | plant fair
farmers market | produce stalls
half marathon | road race
cycling tour | bike ride
book fair | literary days
poetry reading | spoken verse
architect | building designer
carpenter | joiner
lawyer | solicitor
accountant | tax adviser
violin teacher | fiddle tutor
piano teacher | keyboard tutor
photographer | portraitist
painter | watercolour artist
translator | interpreter
journalist | reporter
""")
BUSINESSES, EVENTS, PEOPLE = range(18), range(18, 26), range(26, 36)

# The first ten are also the names of other things; more are made up as the web grows.
LANGUAGES = _pairs("""
Python | CPython
Java | JVM
Ruby | IRB
Rust | Cargo
Swift | Xcode
Go | Golang
Julia | JuliaHub
Scala | SBT
Crystal | Shards
Elm | Elmish
""")
HOMONYMS = (
    ("Python", "snake", "A python kills by squeezing and eats once a month.", "keepers of reptiles"),
    ("Java", "island", "Java has volcanoes, tea and forty million coffee trees.", "travellers to Indonesia"),
    ("Ruby", "gemstone", "A ruby is harder than anything but diamond.", "jewellers"),
    ("Rust", "corrosion", "Rust is what iron and water make together.", "owners of old cars"),
    ("Swift", "bird", "The swift sleeps on the wing and nests under roofs.", "bird watchers"),
    ("Go", "board game", "Go is played with black and white stones.", "players of board games"),
    ("Julia", "given name", "Julia was a Roman name before it was a film.", "parents-to-be"),
    ("La Scala", "opera house", "La Scala opened in Milan and is full each winter.", "opera lovers"),
    ("Crystal", "glass", "Crystal rings when you tap it, and breaks when you tap it harder.", "collectors"),
    ("Elm", "tree", "The elm lined our roads until a beetle came.", "foresters"),
)
SUBJECTS = _pairs("""
lists | sequences
dictionaries | hash tables
loops | iteration
recursion | self-calling functions
strings | character arrays
regular expressions | pattern matching
exceptions | error handling
logging | trace messages
classes | object types
inheritance | derived interfaces
threads | concurrency
async | event scheduling
modules | namespaces
packages | dependency bundles
unit tests | assertions
debugging | breakpoints
sorting | ordering data
searching | lookup algorithms
files | disk input
sockets | network connections
dates | calendar arithmetic
time zones | UTC offsets
JSON | serialisation
databases | SQL tables
decorators | function wrappers
generators | lazy streams
type hints | static checking
compilers | code generation
memory | garbage collection
profiling | speed measurement
plotting | charts
statistics | averages and variance
""")
USES = _pairs("""
hiking | trekking
winter | cold-weather
travel | holiday
camping | outdoor
children's | kids
garden | backyard
office | desk-work
city | urban
sports | athletic
work | heavy-duty
school | pupils
festival | open-air
""")
NOUNS = _pairs("""
boots | footwear
jackets | anoraks
backpacks | rucksacks
bags | holdalls
lamps | lanterns
torches | flashlights
bottles | flasks
mugs | beakers
gloves | mittens
socks | stockings
tents | canvas shelters
blankets | throws
headphones | earbuds
speakers | loudspeakers
watches | timepieces
cameras | snapshooters
bicycles | two-wheelers
helmets | head protectors
umbrellas | brollies
hats | caps
chairs | folding seats
tables | worktops
knives | pocket blades
radios | DAB receivers
""")
PROPERTIES = _pairs("""
waterproof | rain-tight
breathable | well-ventilated
lightweight | featherlike
foldable | collapsible
cheap | low-priced
second-hand | pre-owned
quiet | noiseless
rechargeable | battery-powered
vegan | leather-free
recycled | reclaimed
robust | hard-wearing
repairable | mendable
warm | insulated
soft | cushioned
colourful | vivid
reflective | high-visibility
""")

_TOWN_STARTS = _several("""
Ald Ash Bel Birch Bram Brook Cal Carl Chat Clay Cold Cran Dal Den Dun East Elder Fair Fen Glen Gran Hal Hart
Haver Hazel Hol Kel Kings Lang Lin Long Mar Mill Nor Oak Pen Raven Red Rose Sel Stan Stone Thorn Wal West Whit
Wil Win Wood
""")
_TOWN_ENDS = _several("""
bury ton field ford ham ley wick mouth bridge stead worth dale port combe hurst minster well gate by thorpe
beck cliff marsh haven
""")
_SURNAME_STARTS = _several("""
And Bar Bell Ber Cor Dor El Fal Gar Han Hof Jar Kar Lam Lor Mal Mer Nor Or Pal Per Quin Ros Sal San Sor Tal
Tor Ul Val Ver Wen Zan Helm Lind Stav Mont Kov Brad Mass
""")
_SURNAME_ENDS = _several("""
ini per sen son ano elli etti ov er mann berg stad quist ard ez ier eau ton ley dal man ski wick
""")
SURNAMES_KNOWN = ("Hopper", "Baker", "Mason", "Cook", "Taylor", "Barber", "Carpenter", "Painter", "Lawson", "Field")
GIVEN = _several("""
Anna Ben Clara David Edith Felix Grace Hugo Ines Jonas Kate Liam Mara Noah Olga Paul Rosa Simon Tara Viktor
Wanda Yusuf Zoe Amir Bella Carlos Dina Emil Fiona Gustav Helen Ivan Judith Karim Lena Marco Nadia Oscar Petra
Ravi
""")
ADJECTIVES = _several("""
Copper Golden Little Old Blue Green Red Silver Hidden Happy Quiet Wild Royal Lucky Rusty Sunny Iron Velvet
Crooked Bright Humble Merry Noble Painted Salty Slow Sweet Twisted White Crimson
""")
SIGNS = _several("""
Kettle Lantern Fox Anchor Oak Swan Table Wheel Crown Bell Garden Harbour Barrel Jaguar Falcon Ladder Compass
Mill Bridge Spoon Window Stag Feather Orchard Pepper Corner Lion Raven Tower Cellar
""")
_BRAND_STARTS = _several("""
Alt Bor Cai Dex Ever Fjell Gro Hem Ib Jor Kel Lux Mon Nord Ost Pra Rey Sko Tri Vik Wol Zen Arc Tun
""")
_BRAND_ENDS = _several("""
ra va no lin dex mont gear tek berg sund ia ora ist wear
""")
_TOOL_STARTS = _several("""
Vel Tor Nim Kra Zu Pex Lor Bri Dax Fen Gal Hyp Jo Mox Ork Qua Ras Syl Tym Wex
""")
_TOOL_ENDS = _several("""
da nix bus kel rio met var lo pine rune sol tik uma
""")
MONTHS = _several("""
January February March April May June July August September October November December
""")


def _distinct(starts: list[str], ends: list[str], count: int) -> list[str]:
    """Names from two parts, varied from the first on; when the pairs run out, a number tells names apart."""
    names = []
    for number in range(count):
        again, place = divmod(number, len(starts) * len(ends))
        start, turn = place % len(starts), place // len(starts)
        ending = "" if not again else f" {again + 1}"
        names.append(f"{starts[start]}{ends[(7 * start + turn) % len(ends)]}{ending}")
    return names


def towns(count: int) -> list[str]:
    """Names of towns.

    Args:
        count: How many; at least 1.

    Returns:
        Distinct names; the first towns are the same in every web.

    Chapter: Search.

    >>> towns(3)
    ['Aldbury', 'Ashmouth', 'Belhurst']
    """
    return _distinct(_TOWN_STARTS, _TOWN_ENDS, count)


def surnames(count: int) -> list[str]:
    """Surnames, of which some are also trades.

    Args:
        count: How many; at least 1.

    Returns:
        Distinct names.

    Chapter: Search.

    >>> surnames(11)[-2:]
    ['Field', 'Andini']
    """
    return [*SURNAMES_KNOWN, *_distinct(_SURNAME_STARTS, _SURNAME_ENDS, count)][:count]


def brands(count: int) -> list[str]:
    """Names of makers.

    Args:
        count: How many; at least 1.

    Returns:
        Distinct names.

    Chapter: Search.

    >>> len(set(brands(200)))
    200
    """
    return _distinct(_BRAND_STARTS, _BRAND_ENDS, count)


def languages(count: int) -> tuple[Wording, ...]:
    """Programming languages: ten whose names mean something else, too, and then made-up ones.

    Args:
        count: How many; at least 1.

    Returns:
        Their wordings.

    Chapter: Search.

    >>> languages(11)[-1]
    Wording(common='Velda', other='Veldalang')
    """
    made_up = _distinct(_TOOL_STARTS, _TOOL_ENDS, max(0, count - len(LANGUAGES)))
    return (*LANGUAGES, *(Wording(name, f"{name.replace(' ', '')}lang") for name in made_up))[:count]


def product_types(count: int) -> tuple[Wording, ...]:
    """Types of products: a use and a thing.

    Args:
        count: How many; at most 288.

    Returns:
        Their wordings, neighbours akin by their noun.

    Chapter: Search.

    >>> product_types(2)
    (Wording(common='hiking boots', other='trekking footwear'),
     Wording(common='winter jackets', other='cold-weather anoraks'))
    """
    pairs = [(USES[(k + k // len(NOUNS)) % len(USES)], NOUNS[k % len(NOUNS)]) for k in range(count)]
    return tuple(Wording(f"{u.common} {n.common}", f"{u.other} {n.other}") for u, n in pairs)
