#pragma once

// What a filter may ask of the stream that it is in.

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "source/base/arena.h"
#include "source/base/random.h"
#include "source/config/route.h"
#include "source/event/worker.h"
#include "source/http/message.h"
#include "source/telemetry/response_flag.h"

namespace pillion::filter {

// An answer that a filter gives. Texts are static or in the stream's arena.
struct Reply {
  int status = 500;
  std::string_view body;
  telemetry::ResponseFlag flag = telemetry::ResponseFlag::kCount;  // kCount: none
  std::string_view details;  // RESPONSE_CODE_DETAILS
  int grpc_status = -1;      // of the answer to a gRPC request; -1: what belongs to `status`
  std::span<const std::pair<std::string_view, std::string_view>> headers = {};  // further fields, names in lower case
};

// One attempt to reach an upstream host.
struct Attempt {
  uint32_t number;               // from 1
  std::string_view cluster;
  std::string_view host;         // its address
  base::Duration time_left;      // of the route's timeout; zero: there is none
};

class StreamContext {
 public:
  virtual event::Worker& worker() = 0;
  virtual base::Random& random() = 0;
  virtual base::Arena& arena() = 0;

  virtual http::RequestHead& request() = 0;
  virtual const http::ResponseHead* response() const = 0;  // null until one is sent or being filtered

  // Null: no route matches. A filter that changes what the route depends on has it chosen once more.
  virtual const config::Route* route() const = 0;
  virtual void ChooseRoute() = 0;
  // The cluster that the request goes to as things stand; empty: none.
  virtual std::string_view cluster_name() const = 0;

  virtual std::string_view downstream_remote_address() = 0;  // ip:port
  virtual void SetFlag(telemetry::ResponseFlag flag) = 0;

 protected:
  ~StreamContext() = default;
};

}  // namespace pillion::filter
