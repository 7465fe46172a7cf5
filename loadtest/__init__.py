"""Load tests: how operators decide what to buy, and how we keep ourselves honest.

bench/  `make bench`: the front end against vLLM's own, and the whole path against the bare engine
"""
