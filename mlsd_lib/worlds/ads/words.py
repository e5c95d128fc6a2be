"""The words of the world of ads: what can be bid on, what ads promise, who people are, how they ask.

Keywords of one theme sell to the same people and mostly share no word ("running shoes", "energy gels"). Within a theme
words tell nothing: "cheap insoles" is no nearer to "premium insoles" than to another keyword of the theme.
"""

from __future__ import annotations

# Twenty-five themes of sixteen things each; a keyword is a thing with one of the five modifiers before it.
THEMES = tuple(
    tuple(thing.strip() for thing in line.split(","))
    for line in """
running shoes, marathon plan, energy gels, heart monitor, compression socks, trail vest, foam roller, race entry,
physiotherapy, treadmill, sports watch, insoles, hydration belt, gym membership, protein bars, stretching class
wedding venue, bridal gown, florist, string quartet, photo booth, marquee hire, engagement ring, calligraphy,
dance lessons, dinner suit, three-tier cake, honeymoon flights, guest book, chauffeur, confetti, hen party
pushchair, baby monitor, nursery paint, cot bed, nappies, childminder, breast pump, toddler toys,
car seat, changing bag, sleep consultant, teething rings, bottle warmer, stair gate, maternity jeans, lullaby lamp
sofa bed, curtain poles, rugs, bookcase, floor lamp, upholstery, wallpaper, removals van,
storage unit, mattress, interior designer, picture framing, dining table, wardrobe, blinds, cushion covers
hiking boots, tent, camping stove, sleeping bag, ordnance maps, rucksack, head torch, campsite,
water filter, dry bags, walking poles, rain jacket, hut booking, compass, insect repellent, climbing rope
laptop, external drive, antivirus, monitor arm, cloud backup, docking station, ergonomic chair, printer ink,
broadband, webcam, password manager, desk lamp, data recovery, router, graphics card, typing course
accountant, payroll software, business bank account, invoice factoring, company registration, liability insurance,
web hosting, logo design, co-working desk, trade mark, card reader, bookkeeping, virtual office, van lease, patents,
flyers
solar panels, heat pump, loft insulation, double glazing, battery storage, smart meter, boiler cover, draught strips,
energy audit, wood stove, electrician, underfloor heating, green tariff, roof repair, condensing dryer, home charger
kitchen units, worktops, dishwasher, extractor hood, tiler, plumber, induction hob, mixer taps,
fridge freezer, splashback, plasterer, skip hire, oven cleaning, water softener, bar stools, pantry shelves
lawn mower, garden shed, compost, tree surgeon, decking, greenhouse, fence panels, bulbs,
patio heater, pressure washer, hedge trimmer, raised beds, bird feeder, water butt, paving slabs, pond pump
dog food, vet, cat litter, kennels, puppy training, flea treatment, pet insurance, aquarium,
dog walker, grooming parlour, hamster cage, microchip, scratching post, pet passport, horse rug, bird seed
guitar lessons, piano tuner, drum kit, microphones, sheet music, violin strings, recording studio, headphones,
choir, synthesiser, music stand, concert tickets, vinyl records, turntable, audio interface, stage lights
city break, travel insurance, airport parking, hotel, suitcase, currency exchange, car hire, ferry,
rail pass, visa service, phrase book, airport transfer, tour guide, travel adapter, villa, cruise
skis, thermal underwear, lift pass, snow chains, chalet, ski goggles, avalanche course, hand warmers,
roof box, après-ski boots, helmet, snowboard, ski school, wax kit, lip balm, mountain transfer
bicycle, puncture kit, cycling helmet, panniers, bike insurance, chain oil, indoor trainer, cycling jersey,
bike lock, mudguards, wheel truing, saddle, bike rack, electric scooter, pump, reflective vest
winter tyres, car battery, breakdown cover, dash cam, MOT, windscreen repair, car wash, used cars,
engine oil, number plates, driving lessons, sat nav, tow bar, brake pads, car loan, body shop
language course, flash cards, exchange trip, dictionary, tutoring, exam papers, university guide, student loan,
summer school, translation, essay feedback, lecture notes, library card, study desk, gap year, au pair
espresso machine, coffee beans, milk frother, tea subscription, chocolate, bread maker, cheese board, sourdough starter,
wine club, olive oil, cooking class, knife sharpening, spice rack, food hamper, juicer, casserole dish
face cream, hairdresser, perfume, sunscreen, manicure, electric razor, massage, tooth whitening,
make-up, hair dryer, spa day, contact lenses, dermatologist, bath salts, eyebrow threading, shampoo bars
mortgage, estate agent, conveyancing, house survey, removal boxes, home insurance, stamp duty advice, letting agent,
first-time buyer loan, locksmith, inventory clerk, damp proofing, land registry search, remortgage, tenancy deposit,
equity release
life insurance, will writing, pension advice, care home, hearing aid, stairlift, funeral plan, reading glasses,
power of attorney, walking frame, day centre, bungalow, orthopaedic shoes, medical alarm, annuity, large-print books
oil paints, easel, life drawing, canvas, pottery wheel, knitting wool, sewing machine, embroidery,
craft fair, picture frames, clay, screen printing, gallery tickets, art supplies, weaving loom, beading
board games, puzzle, model trains, chess set, game console, miniatures, card sleeves, comics,
escape room, role-play dice, arcade tickets, jigsaw table, trivia night, collectors' stamps, kite, drone
swimming lessons, wetsuit, paddle board, goggles, sailing course, boat insurance, life jacket, kayak,
fishing rod, surfboard, pool cleaner, diving trip, marina berth, towel robe, aqua aerobics, rope ladder
office cleaning, catering, conference room, name badges, projector, team building, water cooler, staff training,
business cards, event insurance, folding chairs, sound system, temp agency, courier, shredding, parking permits
""".replace(",\n", ",")
    .strip()
    .splitlines()
)
MODIFIERS = ("", "cheap ", "premium ", "local ", "online ")

QUERIES = ("{k}", "{k}", "buy {k}", "{k} near me", "{k} reviews", "which {k}")

# What an ad promises; its text names it, and segments like promises differently.
APPEALS = (
    "lowest price guaranteed",
    "free delivery tomorrow",
    "made to last for years",
    "award-winning quality",
    "family business since 1962",
    "pay in three instalments",
    "ask our experts first",
    "climate-neutral and fair",
    "limited edition this week",
    "thousands of happy customers",
    "return it within 100 days",
    "open late, seven days a week",
)

SEGMENTS = (
    "students",
    "young professionals",
    "new parents",
    "families",
    "single households",
    "commuters",
    "home owners",
    "self-employed",
    "bargain hunters",
    "empty nesters",
    "pensioners",
    "country dwellers",
)

FIRST = ("Alder", "Beacon", "Cobalt", "Drift", "Ember", "Fable", "Grove", "Harbour", "Indigo", "Juniper")
SECOND = ("Supply", "House", "Direct", "Works", "Corner", "Partners", "Market", "Trading", "Studio", "Store")
