#pragma once

// What a filter may ask of the stream that it is in.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "source/base/arena.h"
#include "source/base/random.h"
#include "source/event/worker.h"
#include "source/filter/carried_context.h"
#include "source/filter/feature.h"
#include "source/filter/mirror_wish.h"
#include "source/http/message.h"
#include "source/metadata/annotations.h"
#include "source/telemetry/request_record.h"
#include "source/telemetry/response_flag.h"
#include "source/upstream/lane.h"

namespace pillion::access {
struct Request;
}

namespace pillion::config {
class FilterConfig;
struct Route;
struct VirtualHost;
}

namespace pillion::filter {

// An answer that a filter gives. Texts are static or in the stream's arena.
struct Reply {
  int status = 500;
  std::string_view body;
  telemetry::ResponseFlag flag = telemetry::ResponseFlag::kCount;  // kCount: none
  std::string_view details;  // RESPONSE_CODE_DETAILS
  int grpc_status = -1;      // of the answer to a gRPC request; -1: what belongs to `status`
  std::span<const std::pair<std::string_view, std::string_view>> headers = {};  // further fields, names in lower case
  // A gRPC call whose answer has begun ends with trailers that tell `grpc_status` and `body`; else it is broken off, as the
  // answers of all others are.
  bool grpc_trailers = false;
};

// One attempt to reach an upstream host.
struct Attempt {
  uint32_t number;               // from 1
  std::string_view cluster;
  std::string_view host;         // its address
  base::Duration time_left;      // until the route's or the cluster's timeouts that run end it; zero: none runs
};

// What a filter is for a request, by the most specific word that the request's route has on it.
struct FilterPart {
  bool absent = false;                            // it is disabled
  const config::FilterConfig* config = nullptr;  // instead of its own; null: there is none
  bool mismatched = false;                       // there was one, but of another filter, which says nothing of this one
};

class StreamContext {
 public:
  virtual event::Worker& worker() = 0;
  virtual base::Random& random() = 0;
  virtual base::Arena& arena() = 0;

  // When the first byte of the request had come.
  virtual base::MonotonicTime began() const = 0;
  virtual http::RequestHead& request() = 0;
  virtual const http::ResponseHead* response() const = 0;  // null until one is sent or being filtered

  // Null: no route matches. A filter that changes what the route depends on has it chosen once more.
  virtual const config::Route* route() const = 0;
  // Of that route; null where that is.
  virtual const config::VirtualHost* virtual_host() const = 0;
  virtual void ChooseRoute() = 0;
  // Some routes match by what filters note.
  virtual bool routes_by_notes() const = 0;
  // The cluster that the request goes to as things stand; empty: none.
  virtual std::string_view cluster_name() const = 0;
  // Where the route forwards, the request goes to that cluster instead, also when the route is chosen once more. Of weighted
  // clusters none counts then. The name lives as long as the stream; where there is no such cluster, the answer says so.
  virtual void SendTo(std::string_view cluster) = 0;

  // The name under which that cluster is counted.
  virtual std::string_view cluster_stat_name() const = 0;
  // What the route, its virtual host and its table say of the filter of that name, in this order; null: nothing.
  virtual std::array<const config::FilterConfig*, 3> Overrides(std::string_view filter) const = 0;

  // What is noted of the stream; made by the first call.
  virtual metadata::Annotations& annotations() = 0;
  // Null: nothing is.
  virtual const metadata::Annotations* notes() const = 0;
  // What is known of it so far: what formats show.
  virtual void Describe(telemetry::RequestRecord& record) = 0;
  // What rules about access decide on, as things stand.
  virtual access::Request AccessRequest() = 0;
  // The filter ends the request at that time, if it lasts, and writes what is left until then into grpc-timeout: timeouts
  // that go by that field leave the end to it.
  virtual void KeepDeadline(base::MonotonicTime at) = 0;
  // What a filter before this one carries; null: none does.
  virtual CarriedContext* carried_context() const = 0;
  // From the filter that does: that lives as long as the stream.
  virtual void Carry(CarriedContext& context) = 0;
  // To which of the cluster's hosts attempts that begin from now on go. `wish` lives as long as the stream.
  virtual void GoToLane(const upstream::LaneWish& wish) = 0;
  // The first attempt goes to the host of the cluster that has that address (ip:port), which lives as long as the stream, if
  // it is there and well enough; else to any, or, where it is `only` to go there, to none.
  virtual void GoToHost(std::string_view address, bool only) = 0;
  // The wish, null: none; and where the last attempt went.
  virtual const upstream::LaneWish* lane_wish() const = 0;
  virtual upstream::LaneOutcome lane_outcome() const = 0;
  // When the request is sent on, a copy of it is as well, beside those that its route asks for. Of several wishes the last
  // holds; it lives as long as the stream. Where its cluster is not known there is no copy.
  virtual void MirrorTo(const MirrorWish& wish) = 0;
  // Filters of these features are disabled for the request. From one that stands before them.
  virtual void TurnOff(FeatureSet features) = 0;
  virtual FeatureSet turned_off() const = 0;
  // The answer tells what was chosen for the request, and why.
  virtual void Explain() = 0;
  virtual bool explains() const = 0;
  // The request asks for health and nothing else.
  virtual void SetHealthCheck() = 0;

  virtual std::string_view downstream_remote_address() = 0;  // ip:port
  virtual void SetFlag(telemetry::ResponseFlag flag) = 0;
  virtual telemetry::ResponseFlags flags() const = 0;

 protected:
  ~StreamContext() = default;
};

}  // namespace pillion::filter
