"""Families of metrics that one event loop writes: counters and gauges (`Values`), and histograms.

Touched from the event loop's thread only, so counting is plain Python without locks: a histogram observation costs a
fifth of prometheus_client's, a counter a quarter. prometheus_client still writes the exposition.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

OTHER: Final = "other"
"""The label of whatever is outside its closed set."""

# An SLO threshold must be a bucket bound, so the bounds are round figures, dense from 1 ms to 60 s.
BOUNDS: Final = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5),
    *(10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)
BOUND_LABELS: Final = (*map(str, BOUNDS), "+Inf")


class Histogram:
    """Observations of one series, in seconds. `counts` are per bucket, not yet cumulative."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * len(BOUND_LABELS)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one observation. A bound belongs to its own bucket (`le`)."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds


class Histograms(Collector):
    """A histogram family. The model, where a family has that label, is its last."""

    def __init__(self, name: str, documentation: str, *labels: str) -> None:
        self._describe = (name, documentation)
        self._labels = labels
        self._children: dict[tuple[str, ...], Histogram] = {}

    def child(self, *values: str) -> Histogram:
        """The series with these label values, made when first asked for."""
        return self._children.setdefault(values, Histogram())

    def collect(self) -> Iterator[Metric]:
        name, documentation = self._describe
        family = HistogramMetricFamily(name, documentation, labels=self._labels)
        for values, child in self._children.items():
            # Nothing is generated for a model that is not served: 30 lines of zeros would say so.
            if any(child.counts) or values[-1:] != (OTHER,):
                buckets = list(zip(BOUND_LABELS, accumulate(child.counts), strict=True))
                family.add_metric(values, buckets, child.sum)
        yield family


class Values(Collector):
    """A family of counters or gauges: `values[label values] += n`. prometheus_client's own would add `_created`."""

    def __init__(
        self, kind: type[CounterMetricFamily | GaugeMetricFamily], name: str, documentation: str, *labels: str
    ) -> None:
        self._kind = kind
        self._describe = (name, documentation)
        self._labels = labels
        self.values: dict[tuple[str, ...], float] = {}

    def collect(self) -> Iterator[Metric]:
        family = self._kind(*self._describe, labels=self._labels)
        for values, value in self.values.items():
            family.add_metric(values, value)
        yield family
