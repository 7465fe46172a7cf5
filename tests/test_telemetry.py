"""The gateway's own metrics."""

import itertools

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from service.engine.base import Phase
from service.engine.info import EngineInfo
from service.metric_families import BOUNDS
from service.telemetry import OUTCOMES, ROUTES, Telemetry


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def engine_info(*names: str) -> EngineInfo:
    return EngineInfo(
        model=names[0],
        served_model_names=names,
        max_model_len=8192,
        vocab_size=512,
        kv_cache_tokens=65536,
        max_concurrency=8.0,
        max_num_seqs=16,
        tensor_parallel_size=1,
        pipeline_parallel_size=1,
        data_parallel_size=1,
        version="vllm 0.32.0",
    )


def serving(*names: str) -> Telemetry:
    telemetry = Telemetry()
    telemetry.serve(engine_info(*(names or ("tiny",))))
    return telemetry


def samples(telemetry: Telemetry, name: str) -> list[Sample]:
    families = text_string_to_metric_families(telemetry.render(b"").decode())
    return [sample for family in families for sample in family.samples if sample.name == name]


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    (found,) = [sample.value for sample in samples(telemetry, name) if sample.labels == labels]
    return found


def test_finished_request_is_counted_by_route_outcome_and_model() -> None:
    telemetry = serving()
    recorder = telemetry.recorder("chat", "tiny")
    recorder.started()
    recorder.finished("ok", 1.5, 20, 7, 16, 0.25)
    assert value(telemetry, "tidegate_requests_total", route="chat", outcome="ok", model="tiny") == 1
    assert value(telemetry, "tidegate_prompt_tokens_total", model="tiny") == 20
    assert value(telemetry, "tidegate_generation_tokens_total", model="tiny") == 7
    assert value(telemetry, "tidegate_cached_prompt_tokens_total", model="tiny") == 16
    assert value(telemetry, "tidegate_e2e_request_latency_seconds_sum", route="chat", model="tiny") == 1.5
    assert value(telemetry, "tidegate_queue_time_seconds_sum", model="tiny") == 0.25


def test_queue_time_that_the_engine_does_not_tell_is_not_observed() -> None:
    telemetry = serving()
    recorder = telemetry.recorder("chat", "tiny")
    recorder.started()
    recorder.finished("ok", 1.5, 20, 7, 0, None)
    assert value(telemetry, "tidegate_queue_time_seconds_count", model="tiny") == 0


def test_in_flight_rises_with_start_and_falls_with_end() -> None:
    telemetry = serving()
    recorder = telemetry.recorder("completions", "tiny")
    recorder.started()
    assert value(telemetry, "tidegate_requests_in_flight", route="completions") == 1
    recorder.finished("cancelled", 0.1, 1, 0, 0, None)
    assert value(telemetry, "tidegate_requests_in_flight", route="completions") == 0


def test_refused_request_counts_only_its_outcome() -> None:
    telemetry = serving()
    telemetry.recorder("chat", "tiny").refused("unavailable")
    assert value(telemetry, "tidegate_requests_total", route="chat", outcome="unavailable", model="tiny") == 1
    assert value(telemetry, "tidegate_requests_in_flight", route="chat") == 0
    assert value(telemetry, "tidegate_e2e_request_latency_seconds_count", route="chat", model="tiny") == 0


def test_tokens_of_one_write_count_one_gap_and_zeros() -> None:
    telemetry = serving()
    telemetry.recorder("chat", "tiny").gaps(0.04, 4)
    name = "tidegate_inter_token_latency_seconds"
    assert value(telemetry, f"{name}_count", model="tiny") == 4
    assert value(telemetry, f"{name}_sum", model="tiny") == 0.04
    assert value(telemetry, f"{name}_bucket", model="tiny", le="0.001") == 3
    assert value(telemetry, f"{name}_bucket", model="tiny", le="0.03") == 3
    assert value(telemetry, f"{name}_bucket", model="tiny", le="0.05") == 4


def test_histogram_is_cumulative_and_ends_with_its_count() -> None:
    telemetry = serving()
    recorder = telemetry.recorder("chat", "tiny")
    for seconds in (0.0, 0.001, 0.0011, 0.5, 60.0, 61.0):
        recorder.first_token(seconds)
    buckets = samples(telemetry, "tidegate_time_to_first_token_seconds_bucket")
    chat = [(sample.labels["le"], sample.value) for sample in buckets if sample.labels["route"] == "chat"]
    assert [le for le, _ in chat] == [*map(str, BOUNDS), "+Inf"]
    counts = dict(chat)
    assert (counts["0.001"], counts["0.002"], counts["0.5"], counts["60.0"], counts["+Inf"]) == (2, 3, 4, 5, 6)
    assert value(telemetry, "tidegate_time_to_first_token_seconds_count", route="chat", model="tiny") == 6


def test_buckets_resolve_one_millisecond_to_sixty_seconds() -> None:
    assert (BOUNDS[0], BOUNDS[-1]) == (0.001, 60.0)
    assert all(1 < high / low <= 2 for low, high in itertools.pairwise(BOUNDS))


def test_model_that_is_not_served_is_counted_as_other() -> None:
    telemetry = serving()
    for number in range(100):
        telemetry.recorder("chat", f"made-up-{number}").refused("client_error")
    assert value(telemetry, "tidegate_requests_total", route="chat", outcome="client_error", model="other") == 100
    assert b"made-up" not in telemetry.render(b"")
    assert telemetry.recorder("chat", "made-up-0") is telemetry.recorder("chat", "made-up-1")


def test_histograms_of_other_models_are_left_out_while_empty() -> None:
    telemetry = serving()
    telemetry.recorder("chat", "nonsense").refused("client_error")
    telemetry.recorder("models", "other").refused("ok")
    buckets = samples(telemetry, "tidegate_time_to_first_token_seconds_bucket")
    assert {sample.labels["model"] for sample in buckets} == {"tiny"}


def test_recorder_is_made_once() -> None:
    telemetry = serving("a", "b")
    assert telemetry.recorder("chat", "a") is telemetry.recorder("chat", "a")
    assert telemetry.recorder("chat", "a") is not telemetry.recorder("completions", "a")
    assert telemetry.recorder("chat", "a") is not telemetry.recorder("chat", "b")


def test_served_models_have_all_their_series_at_zero() -> None:
    telemetry = serving("a", "b")
    found = samples(telemetry, "tidegate_requests_total")
    assert {(s.labels["route"], s.labels["outcome"], s.labels["model"]) for s in found} == {
        (route, outcome, model) for route in ("chat", "completions") for outcome in OUTCOMES for model in ("a", "b")
    }
    assert {sample.value for sample in found} == {0.0}
    assert len(samples(telemetry, "tidegate_requests_in_flight")) == len(ROUTES)


def test_engine_phase_is_one_hot() -> None:
    telemetry = Telemetry()
    telemetry.set_phase(Phase.LOADING_WEIGHTS)
    telemetry.set_phase(Phase.COMPILING)
    phases = {sample.labels["phase"]: sample.value for sample in samples(telemetry, "tidegate_engine_phase")}
    assert phases == {phase.value: float(phase is Phase.COMPILING) for phase in Phase}


def test_build_info_names_the_engine_and_only_the_last_one() -> None:
    telemetry = serving()
    telemetry.serve(engine_info("tiny"))
    (info,) = samples(telemetry, "tidegate_build_info")
    assert info.labels["engine"] == "vllm 0.32.0"
    assert info.value == 1


def test_loop_lag_maximum_is_forgotten_after_a_minute() -> None:
    clock = Clock()
    telemetry = Telemetry(clock=clock)
    telemetry.observe_loop_lag(0.2)
    telemetry.observe_loop_lag(0.1)
    clock.now += 50
    assert value(telemetry, "tidegate_event_loop_lag_max_seconds") == 0.2
    clock.now += 20
    assert value(telemetry, "tidegate_event_loop_lag_max_seconds") == 0
    assert value(telemetry, "tidegate_event_loop_lag_seconds_count") == 2


def test_exposition_holds_the_engines_series_after_ours_and_no_family_twice() -> None:
    engine = (
        b"# HELP vllm:num_requests_running R.\n# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 2.0"
    )
    text = serving().render(engine)
    assert text.endswith(b"vllm:num_requests_running 2.0\n")
    names = [family.name for family in text_string_to_metric_families(text.decode())]
    assert len(names) == len(set(names))
    assert {"process_cpu_seconds", "python_gc_collections", "tidegate_requests"} <= set(names)
    assert b"_created" not in text


def test_exposition_without_an_engine_ends_with_one_newline() -> None:
    text = Telemetry().render(b"")
    assert text.endswith(b"\n")
    assert not text.endswith(b"\n\n")


def test_two_telemetries_share_nothing() -> None:
    one, other = serving(), serving()
    one.recorder("chat", "tiny").refused("ok")
    assert value(other, "tidegate_requests_total", route="chat", outcome="ok", model="tiny") == 0
