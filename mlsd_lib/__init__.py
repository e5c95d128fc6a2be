"""Machine learning system design, by experiment: the library behind the course.

One room for each of the eight steps, named as the chapter that explains it, and five words that hold it together:
World, System, Funnel, Log and Requirements.
"""

__version__ = "0.1.0"
