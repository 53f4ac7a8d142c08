"""A bootstrap that is good, and what breaks it: {name: (old, new, what pillion says)}. M: the connection manager, C: the cluster."""

_H = "type.googleapis.com/envoy.extensions.filters"

GOOD = f"""\
node: {{id: node-1, cluster: c1}}
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}}}
static_resources:
  listeners:
  - name: in
    address: {{socket_address: {{address: 127.0.0.1, port_value: 10000}}}}
    filter_chains:
    - filters:
      - name: manager
        typed_config:
          "@type": {_H}.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          codec_type: AUTO
          stream_idle_timeout: 5s
          max_request_headers_kb: 60
          http2_protocol_options: {{max_concurrent_streams: 100, initial_stream_window_size: 65535}}
          route_config:
            name: table
            virtual_hosts:
            - name: one
              domains: [a.test, "*.b.test"]
              routes:
              - match: {{path: /exact}}
                direct_response: {{status: 200, body: {{inline_string: hello}}}}
              - match: {{safe_regex: {{regex: "/r/[0-9]+"}}, headers: [{{name: x-h, string_match: {{exact: v}}}}]}}
                redirect: {{host_redirect: c.test, response_code: FOUND}}
              - match: {{prefix: /}}
                route:
                  cluster: up
                  timeout: 15s
                  retry_policy: {{retry_on: 5xx, num_retries: 2, per_try_timeout: 1s}}
            - name: two
              domains: [d.test]
              routes:
              - match: {{prefix: /}}
                route: {{weighted_clusters: {{clusters: [{{name: up, weight: 1}}, {{name: up2, weight: 2}}]}}}}
          http_filters:
          - name: fault
            typed_config: {{"@type": {_H}.http.fault.v3.HTTPFault, abort: {{http_status: 503, percentage: {{numerator: 0}}}}}}
          - name: router
            typed_config: {{"@type": {_H}.http.router.v3.Router}}
  clusters:
  - name: up
    type: STATIC
    connect_timeout: 1s
    lb_policy: ROUND_ROBIN
    circuit_breakers: {{thresholds: [{{max_connections: 10, max_retries: 3}}]}}
    load_assignment:
      cluster_name: up
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 8080}}}}}}, load_balancing_weight: 1}}]
  - name: up2
    type: STATIC
    load_assignment: {{cluster_name: up2, endpoints: []}}
"""

CASES = {
    # Names that are not there.
    "unknown field at the root": ("node: {id", "nodes: {id", 'unknown field "nodes", did you mean "node"?'),
    "unknown field of a listener": ("    filter_chains:", "    filter_chain:", 'listeners[0]: unknown field "filter_chain", did you mean'),
    "unknown field of a cluster": ("lb_policy: ROUND_ROBIN", "lb_polici: ROUND_ROBIN", 'clusters[0]: unknown field "lb_polici", did you mean "lb_policy"?'),
    "unknown field of an extension": ("stat_prefix: in", "stat_prefix: in\n          stat_prefiks: in", 'M: unknown field "stat_prefiks"'),
    "unknown field of a route": ("timeout: 15s", "timeuot: 15s", 'routes[2].route: unknown field "timeuot", did you mean "timeout"?'),
    "unknown type": (".http.fault.v3.HTTPFault,", ".http.fault.v3.HTTPFalut,", 'http_filters[0].typed_config: unknown type'),
    "unknown enum value": ("codec_type: AUTO", "codec_type: OTTO", 'M.codec_type: "OTTO", expected one of AUTO'),
    "unknown discovery type": ("type: STATIC\n    connect", "type: STATICAL\n    connect", 'C.type: "STATICAL", expected one of STATIC'),
    "no type": (f'"@type": {_H}.http.router.v3.Router', "suppress_envoy_headers: true", '"@type" is missing'),
    # Types.
    "text for a number": ("port_value: 8080", "port_value: http", 'port_value: "http", expected a whole number'),
    "fraction for a whole number": ("num_retries: 2", "num_retries: 2.5", 'num_retries: "2.5", expected a whole number'),
    "negative for an unsigned number": ("max_connections: 10", "max_connections: -10", 'max_connections: "-10", expected a whole number'),
    "number past 32 bits": ("max_connections: 10", "max_connections: 4294967296", 'max_connections: "4294967296", expected a whole number'),
    "duration without a unit": ("timeout: 15s", "timeout: 15", 'timeout: "15", expected a duration'),
    "duration in minutes": ("timeout: 15s", "timeout: 15m", 'timeout: "15m", expected a duration'),
    "map for a text": ("stat_prefix: in", "stat_prefix: {a: b}", "M.stat_prefix: a map, expected a string"),
    "text for a map": ("node: {id: node-1, cluster: c1}", "node: node-1", 'node: "node-1", expected a map'),
    "list for a map": ("admin: {", "admin: [1]\nnode: {", "admin: a list, expected a map"),
    "text for a boolean": ("codec_type: AUTO", "add_user_agent: maybe", 'add_user_agent: "maybe", expected true or false'),
    "text for a list": ("domains: [d.test]", "routes: x", "routes"),
    # Bounds.
    "port past 65535": ("port_value: 8080", "port_value: 65536", "port_value: 65536, expected at most 65535"),
    "status past 599": ("status: 200", "status: 600", "status: 600, expected"),
    "status below 100": ("status: 200", "status: 99", "status: 99, expected"),
    "no streams": ("max_concurrent_streams: 100", "max_concurrent_streams: 0", "max_concurrent_streams: 0, expected at least 1"),
    "window below 65535": ("window_size: 65535", "window_size: 65534", "initial_stream_window_size: 65534, expected at least 65535"),
    "head of 0 KiB": ("max_request_headers_kb: 60", "max_request_headers_kb: 0", "max_request_headers_kb: 0, expected at least 1"),
    "head past 8 MiB": ("max_request_headers_kb: 60", "max_request_headers_kb: 8193", "max_request_headers_kb: 8193, expected"),
    "connect timeout of 0": ("connect_timeout: 1s", "connect_timeout: 0s", "C.connect_timeout: 0s, expected more than 0s"),
    "weight of 0": ("load_balancing_weight: 1", "load_balancing_weight: 0", "load_balancing_weight: 0, expected at least 1"),
    "weights of clusters are 0": ("name: up, weight: 1}, {name: up2, weight: 2}", "name: up, weight: 0}", "weighted_clusters"),
    "abort status below 200": ("http_status: 503", "http_status: 199", "http_status: 199, expected at least 200"),
    "flush interval of 5 minutes": ("node: {id", "stats_flush_interval: 300s\nnode: {id", "stats_flush_interval: 300s, expected"),
    # What is missing.
    "no stat prefix": ("          stat_prefix: in\n", "", "M.stat_prefix: missing, but required"),
    "no name of a cluster": ("  - name: up\n", "  - alt_stat_name: up\n", "C.name: missing, but required"),
    "no name of a virtual host": ("- name: two\n              domains", "- domains", "virtual_hosts[1].name: missing, but required"),
    "no domains": ("domains: [d.test]", "domains: []", "virtual_hosts[1].domains: empty, but required"),
    "no match": ("- match: {path: /exact}\n                direct", "- direct", "routes[0].match: missing, but required"),
    "no path in a match": ("match: {path: /exact}", "match: {case_sensitive: true}", "routes[0].match: one of prefix, path"),
    "no action": ("                direct_response: {status: 200, body: {inline_string: hello}}\n", "", "routes[0]: one of route, redirect"),
    "no address": ("    address: {socket_address: {address: 127.0.0.1, port_value: 10000}}\n", "", "listeners[0].address: missing"),
    "no port": ("address: 127.0.0.1, port_value: 10000", "address: 127.0.0.1", "port_value: missing, but required"),
    "no router": (f'          - name: router\n            typed_config: {{"@type": {_H}.http.router.v3.Router}}\n', "", "M.http_filters"),
    "router is not last": ("          - name: fault\n", f'          - name: early\n            typed_config: {{"@type": {_H}.http.router.v3.Router}}\n'
                           "          - name: fault\n", "M.http_filters[0]"),
    "filter of an unknown type": (f'"@type": {_H}.http.fault.v3.HTTPFault, abort: {{http_status: 503, percentage: {{numerator: 0}}}}',
                                  '"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/no.Such',
                                  'M.http_filters[0].typed_config: unknown type "type.googleapis.com/no.Such"'),
    "optional filter that is wrong": (f'          - name: fault\n            typed_config: {{"@type": {_H}.http.fault.v3.HTTPFault, abort: {{http_status: 503',
                                      f'          - name: fault\n            is_optional: true\n            typed_config: {{"@type": {_H}.http.fault.v3.HTTPFault, '
                                      "abort: {http_status: 199", "http_status: 199, expected at least 200"),
    "optional filter behind the router": (f'typed_config: {{"@type": {_H}.http.router.v3.Router}}\n',
                                          f'typed_config: {{"@type": {_H}.http.router.v3.Router}}\n          - name: other\n            is_optional: true\n'
                                          '            typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/no.Such}\n',
                                          "M.http_filters[1]: the router must be the last filter"),
    # References.
    "unknown cluster": ("cluster: up\n", "cluster: upp\n", "routes[2].route.cluster: unknown cluster 'upp'"),
    "unknown weighted cluster": ("{name: up2, weight", "{name: up3, weight", "unknown cluster 'up3'"),
    # What is there twice, or against something else.
    "cluster twice": ("- name: up2\n", "- name: up\n", 'clusters[1].name: duplicate name "up"'),
    "domain twice": ("domains: [d.test]", "domains: [d.test, a.test]", "virtual_hosts[1].domains[1]"),
    "two paths in a match": ("match: {path: /exact}", "match: {path: /exact, prefix: /}", "path and prefix exclude each other"),
    "two actions": ("                direct_response: {status", "                route: {cluster: up}\n                direct_response: {status",
                    "exclude each other"),
    # Texts.
    "regex that is none": ('regex: "/r/[0-9]+"', 'regex: "/r/["', "safe_regex.regex: "),
    "regex of another dialect": ('regex: "/r/[0-9]+"', 'regex: "(?=x)"', "safe_regex.regex: "),
    "address that is a name": ("address: 127.0.0.1, port_value: 10000", "address: localhost, port_value: 10000", '"localhost", expected an IP address'),
    "address of five parts": ("address: 127.0.0.1, port_value: 8080", "address: 127.0.0.1.1, port_value: 8080", '"127.0.0.1.1", expected an IP address'),
    "file that is not there": ("{inline_string: hello}", "{filename: /no/such/file}", '"/no/such/file" cannot be opened'),
    "variable that is not there": ("{inline_string: hello}", "{environment_variable: NO_SUCH_VARIABLE}", 'no environment variable "NO_SUCH_VARIABLE"'),
    "body of 5 KiB": ("inline_string: hello", "inline_string: " + "x" * 5000, "5000 bytes, expected at most 4096"),
    # Documents.
    "no YAML": ("node: {id: node-1, cluster: c1}", "node: {id: node-1, cluster: c1", ""),
    "two watchdogs": ("node: {id", "watchdog: {miss_timeout: 1s}\nwatchdogs: {worker_watchdog: {}}\nnode: {id", "watchdog: there is watchdogs already"),
    "negative miss": ("node: {id", "watchdogs: {worker_watchdog: {miss_timeout: -1s}}\nnode: {id", "watchdogs.worker_watchdog.miss_timeout: "),
    "part of threads": ("node: {id", "watchdogs: {worker_watchdog: {multikill_threshold: {value: 101}}}\nnode: {id", "multikill_threshold.value: 101"),
    "flush when nobody looks": ("node: {id", "stats_flush_on_admin: false\nnode: {id", "stats_flush_on_admin: false, expected true"),
    "two flushes": ("node: {id", "stats_flush_on_admin: true\nstats_flush_interval: 1s\nnode: {id", "stats_flush_on_admin: there is stats_flush_interval already"),
    "metrics service": ("node: {id", "stats_sinks: [{name: s, typed_config: {\"@type\": type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig, "
                        "grpc_service: {envoy_grpc: {cluster_name: nobody}}}}]\nnode: {id", "envoy_grpc.cluster_name: unknown cluster 'nobody'"),
    "metrics service without one": ("node: {id", "stats_sinks: [{name: s, typed_config: {\"@type\": type.googleapis.com/envoy.config.metrics.v3."
                                    "MetricsServiceConfig, grpc_service: {}}}]\nnode: {id", "typed_config.grpc_service.envoy_grpc: missing, but required"),
    "layer without a source": ("node: {id", "layered_runtime: {layers: [{name: r, rtds_layer: {name: x}}]}\nnode: {id", "rtds_layer.rtds_config: missing"),
    "layer of a file that is not there": ("node: {id", "layered_runtime: {layers: [{name: r, rtds_layer: {name: x, rtds_config: {path_config_source: "
                                          "{path: /not/there}}}}]}\nnode: {id", "rtds_config.path_config_source.path: \"/not/there\""),
    "regex of a tag": ("node: {id", "stats_config: {stats_tags: [{tag_name: t, regex: '('}]}\nnode: {id", "stats_tags[0].regex"),
    "tag without a value": ("node: {id", "stats_config: {stats_tags: [{tag_name: t}]}\nnode: {id", 'stats_tags[0].tag_name: "t" without a value'),
    "bucket of 0": ("node: {id", "stats_config: {histogram_bucket_settings: [{match: {prefix: a}, buckets: [0]}]}\nnode: {id", "buckets[0]: 0, expected more than 0"),
    "bucket twice": ("node: {id", "stats_config: {histogram_bucket_settings: [{match: {prefix: a}, buckets: [1, 1]}]}\nnode: {id", "buckets: 1, expected each"),
}

# What Envoy takes and pillion does not: it is a mistake each time, and another reader may take the other one of the two.
STRICTER = {
    "optional filter in place of the router": (f'          - name: router\n            typed_config: {{"@type": {_H}.http.router.v3.Router}}\n',
                                               '          - name: other\n            is_optional: true\n            typed_config: '
                                               '{"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/no.Such}\n',
                                               "M.http_filters[1]: the last filter must be the router"),
    "key twice": ("node: {id: node-1, cluster: c1}", "node: {id: node-1, id: node-2}", 'node: duplicate key "id"'),
    "listener twice": ("  clusters:\n", "  - name: in\n    address: {socket_address: {address: 127.0.0.1, port_value: 10001}}\n    filter_chains: []\n  clusters:\n",
                       'listeners[1].name: duplicate name "in"'),
    "virtual host twice": ("- name: two\n", "- name: one\n", "virtual_hosts[1].name"),
}
