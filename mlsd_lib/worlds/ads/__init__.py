"""A world of search ads: advertisers who bid on keywords, people who search, and what they do with the ads they see.

What a system may see are the public tables: ads, advertisers, users, requests, logs. What is true (which keywords sell
to the same people, how likely somebody clicks) is a function of ids and the world's seed, and is handed out by `truth`
and `oracle` only.
"""

from mlsd_lib.worlds.ads.auction import Auction, second_price
from mlsd_lib.worlds.ads.market import MarketDay, Seller, market_day
from mlsd_lib.worlds.ads.world import AdsWorld

__all__ = ["AdsWorld", "Auction", "MarketDay", "Seller", "market_day", "second_price"]
