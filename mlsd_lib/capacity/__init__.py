"""Step 2, scale and latency: what a load, a size or a fan-out costs in time, machines and money.

`formulas` needs nothing beyond the standard library, so that it also runs inside a page; `simulate` is the experiment
that it is checked against. Both take quantities (`mlsd_lib.capacity.units`): a number without a unit is an error.
"""
