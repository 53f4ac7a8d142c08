#pragma once

// What a route means for one request: which cluster, and what becomes of the heads of both directions.

#include <string_view>

#include "source/http/message.h"
#include "source/proxy/worker_context.h"
#include "source/route/table.h"
#include "source/telemetry/request_record.h"

namespace pillion::proxy {

// Where a request goes. Chosen with the route, and as long as that.
struct Destination {
  event::Kept<upstream::ClusterShard> cluster;             // null: there is none
  std::string_view cluster_name;                           // also of one that there is not; empty: none was named
  const config::WeightedClusters::Choice* choice = nullptr;  // of weighted clusters
};

// The choice of weighted clusters that a number means: the one that the request gives, where it may, else a part of
// `random`, which is the request's.
const config::WeightedClusters::Choice& ChooseWeighted(const config::WeightedClusters& clusters,
                                                       const http::RequestHead& head, uint64_t random);

// `entry` forwards. `random` is the request's.
Destination ChooseDestination(const route::Entry& entry, const http::RequestHead& head, uint64_t random,
                              WorkerContext& context);

// Whether the edits below look at a record at all.
bool EditsRequest(const route::Entry& entry, const Destination& destination);
bool EditsResponse(const route::Entry& entry, const Destination& destination);

// Before the head goes upstream for the first time: fields, then host, then path. `keep_original`: x-envoy-original-path
// and -host say what they were.
void EditRequest(const route::Entry& entry, const Destination& destination, const telemetry::RequestRecord& record,
                 bool keep_original, http::RequestHead& head);

// The endpoint's name becomes the host, where the route says so and it has one. True if so. `replaced`: an earlier
// attempt's did already.
bool UseEndpointHost(const route::Entry& entry, std::string_view hostname, bool keep_original, bool replaced,
                     http::RequestHead& head);

void EditResponse(const route::Entry& entry, const Destination& destination, const telemetry::RequestRecord& record,
                  http::ResponseHead& head);

}  // namespace pillion::proxy
