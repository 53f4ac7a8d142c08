// What it costs to take what a control plane sends: all of a large table or assignment, and one that differs from the version
// before in one place. Run optimised:
//   bazel run --config=opt //test/bench/config:resources

#include <benchmark/benchmark.h>

#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "google/protobuf/any.pb.h"
#include "source/config/resources.h"
#include "source/config/route.h"

namespace pillion::config {
namespace {

using google::protobuf::Any;

Resources MakeResources() {
  LoadOptions options;
  return Resources(LoadText("node: {id: n}", options).bootstrap, options);
}

Any Routes(int hosts, int routes_each, int changed) {
  envoy::config::route::v3::RouteConfiguration table;
  table.set_name("r");
  int number = 0;
  for (int h = 0; h < hosts; ++h) {
    auto& host = *table.add_virtual_hosts();
    host.set_name("host" + std::to_string(h));
    host.add_domains(host.name() + ".test");
    for (int r = 0; r < routes_each; ++r, ++number) {
      auto& route = *host.add_routes();
      route.mutable_match()->set_prefix("/api/v1/service-" + std::to_string(number) + "/");
      route.mutable_route()->set_cluster("outbound|80||service-" + std::to_string(number % 1000) + ".ns.svc.cluster.local");
      route.mutable_route()->mutable_timeout()->set_seconds(number == changed ? 1 : 15);
      route.mutable_route()->mutable_retry_policy()->set_retry_on("connect-failure,refused-stream");
    }
  }
  Any any;
  any.PackFrom(table);
  return any;
}

Any Endpoints(int count, int changed) {
  envoy::config::endpoint::v3::ClusterLoadAssignment assignment;
  assignment.set_cluster_name("c");
  for (int i = 0; i < count; ++i) {
    if (i % 1000 == 0) assignment.add_endpoints()->mutable_locality()->set_zone("zone" + std::to_string(i / 1000));
    auto& endpoint = *assignment.mutable_endpoints(i / 1000)->add_lb_endpoints();
    auto& address = *endpoint.mutable_endpoint()->mutable_address()->mutable_socket_address();
    address.set_address("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    address.set_port_value(8080);
    endpoint.mutable_load_balancing_weight()->set_value(i == changed ? 2 : 1);
  }
  Any any;
  any.PackFrom(assignment);
  return any;
}

void AllRoutes(benchmark::State& state) {
  const Resources resources = MakeResources();
  const Any any = Routes(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)), -1);
  for (auto _ : state) {
    if (resources.BuildRoutes(any).part == nullptr) state.SkipWithError("refused");
  }
}

void OneRoute(benchmark::State& state) {
  const Resources resources = MakeResources();
  const int hosts = static_cast<int>(state.range(0));
  const int each = static_cast<int>(state.range(1));
  const Any before = Routes(hosts, each, -1);
  const Earlier<RouteConfig> earlier{&before, resources.BuildRoutes(before).part};
  const Any any = Routes(hosts, each, hosts * each / 2);
  for (auto _ : state) {
    if (resources.BuildRoutes(any, earlier).part == nullptr) state.SkipWithError("refused");
  }
}

void AllEndpoints(benchmark::State& state) {
  const Resources resources = MakeResources();
  const Any any = Endpoints(5000, -1);
  for (auto _ : state) {
    if (resources.BuildAssignment(any).part == nullptr) state.SkipWithError("refused");
  }
}

void OneEndpoint(benchmark::State& state) {
  const Resources resources = MakeResources();
  const Any before = Endpoints(5000, -1);
  const Earlier<Assignment> earlier{&before, resources.BuildAssignment(before).part};
  const Any any = Endpoints(5000, 2500);
  for (auto _ : state) {
    if (resources.BuildAssignment(any, earlier).part == nullptr) state.SkipWithError("refused");
  }
}

BENCHMARK(AllRoutes)->Args({1, 10'000})->Args({1000, 10})->Unit(benchmark::kMillisecond);
BENCHMARK(OneRoute)->Args({1, 10'000})->Args({1000, 10})->Unit(benchmark::kMillisecond);
BENCHMARK(AllEndpoints)->Unit(benchmark::kMillisecond);
BENCHMARK(OneEndpoint)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pillion::config
