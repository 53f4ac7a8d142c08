#pragma once

// What a control plane answers, in either of the protocol's forms, as far as it can be read without knowing the type. Pure
// functions.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "google/protobuf/any.pb.h"
#include "source/base/clock.h"

namespace pillion::xds {

enum class Form : uint8_t {
  kState,  // of the world: an answer says how things are
  kDelta,  // an answer says what is different
};

struct Answer {
  struct Item {
    std::string name;   // that stands around it; empty: nothing stands around it, or a name is missing
    std::string inner;  // that stands in the body; empty: no name can be found in it
    std::string version;
    std::shared_ptr<const google::protobuf::Any> body;  // null: a sign of life of one that was taken before
    std::optional<base::Duration> ttl = {};
    std::string error = {};  // what is wrong with what stands around it; empty: nothing
  };

  Form form = Form::kState;
  std::string type_url;
  std::string version;
  std::string nonce;
  std::optional<std::string> control_plane;
  std::vector<Item> items = {};
  std::vector<std::string> removed = {};
};

// Nothing: the bytes are no response of that form.
std::optional<Answer> ReadAnswer(Form form, std::string_view bytes);
// Also that of a file, or of REST.
Answer ToAnswer(envoy::service::discovery::v3::DiscoveryResponse response);

// The name within the bytes of a resource: each type that is discovered has it as field 1. Empty: there is none, or they are
// no bytes of a message. What is within the other fields is not looked at.
std::string NameWithin(std::string_view bytes);

}  // namespace pillion::xds
