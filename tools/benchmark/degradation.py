"""Breakers and outlier detection where nothing is wrong: what judging each answer costs."""

_TYPE = "type.googleapis.com/"

# One breaker of each kind for the route; no call fails or is slow.
_RULES = [{"name": "failing", "grade": "ERROR_RATIO", "threshold": 0.5, "statistics_interval": "10s", "minimum_requests": 10,
           "open_for": "5s", "per": ["ROUTE", "LANE"]},
          {"name": "slow", "grade": "SLOW_CALL_RATIO", "threshold": 0.5, "slow_over": "10s", "statistics_interval": "1s",
           "minimum_requests": 5, "open_for": "5s", "per": ["CLUSTER"]}]
FILTER = {"name": "pillion.filters.http.degradation", "typed_config": {
    "@type": _TYPE + "pillion.filters.http.degradation.v1.Degradation", "rules": _RULES}}

# Envoy's nearest: each host of the cluster is judged, by failures in a row, and by its share of successes beside that of others.
OUTLIERS = {"consecutive_5xx": 5, "interval": "1s", "base_ejection_time": "5s", "max_ejection_percent": 50,
            "success_rate_minimum_hosts": 1, "success_rate_request_volume": 10, "enforcing_failure_percentage": 100,
            "failure_percentage_minimum_hosts": 1, "failure_percentage_request_volume": 10}
