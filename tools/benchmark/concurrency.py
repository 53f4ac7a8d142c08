"""Filters that let only so many requests be in flight as upstream can do at once: pillion's, and Envoy's."""

_TYPE = "type.googleapis.com/"

_OURS = {"name": "pillion.filters.http.concurrency", "typed_config": {
    "@type": _TYPE + "pillion.filters.http.concurrency.v1.Concurrency", "name": "bench",
    "priority": "request.headers['x-priority']"}}

# As its documentation has it, but for a shorter interval: a round shall have one of its measurements in it now and then.
_ENVOYS = {"name": "envoy.filters.http.adaptive_concurrency", "typed_config": {
    "@type": _TYPE + "envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency",
    "gradient_controller_config": {
        "sample_aggregate_percentile": {"value": 90},
        "concurrency_limit_params": {"concurrency_update_interval": "0.1s"},
        "min_rtt_calc_params": {"jitter": {"value": 10}, "interval": "30s", "request_count": 50}}}}


def add_filter(bootstrap: dict, name: str) -> None:
    """That of the proxy of this name."""
    manager = bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"].insert(0, _OURS if name == "pillion" else _ENVOYS)
