#pragma once

// What becomes of a field or type that pillion does not have. Four kinds:
// - what has to do with security, or decides whom a rule is for: never passed over, for traffic would be let through that
//   the configuration's writer meant to keep out;
// - what would be asked of a control plane and can't be (scopes, virtual hosts one by one): refused with a reason;
// - what belongs to a part that is still to come and that nobody misses who only wants traffic served: named in the log;
// - all else: refused in files, passed over in what a control plane sends.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/config_error.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

enum class UnknownFields : uint8_t {
  kRefuse,    // files; what a control plane sends, with --reject-unknown-dynamic-fields
  kPassOver,  // counted, and each named once: what a control plane sends; files, with --allow-unknown-static-fields
  kIgnore,    // with --ignore-unknown-dynamic-fields
};

// What was passed over, in all that one process loads: counted, each kind once to be named, but not without end, for a
// control plane may make up fields. Outlives the loads.
class PassedOver {
 public:
  static constexpr size_t kMostNamed = 1000;

  // True the first time for `field` of `message`.
  bool Add(std::string_view message, std::string_view field) {
    ++count_;
    std::string name = std::string(message) + "." + std::string(field);
    if (named_.size() == kMostNamed && !named_.contains(name)) return false;
    return named_.insert(std::move(name)).second;
  }
  uint64_t count() const { return count_; }

 private:
  std::set<std::string> named_;
  uint64_t count_ = 0;
};

struct UnknownRule {
  UnknownFields fields = UnknownFields::kRefuse;
  PassedOver* passed_over = nullptr;          // not null with kPassOver
  std::set<std::string> disabled_extensions;  // names such as "envoy.filters.http.fault"
};

// The name that Envoy's documents give to the extension whose message this is: "envoy.filters.http.fault" of
// "envoy.extensions.filters.http.fault.v3.HTTPFault"; empty for other messages.
std::string ExtensionName(std::string_view message);

// That of a message which a configuration may hold.
bool IsExtensionName(std::string_view name);

// Judges one field that `message`, a full name, does not have, by the field's name or number: adds to `errors`, or to
// `notes` what is to be logged. True: it was dealt with, and is passed over or was refused with a reason of its own; false:
// the caller refuses it.
bool JudgeUnknownField(const UnknownRule& rule, std::string_view message, std::string_view field, uint32_t number,
                       const std::string& path, int line, ErrorList& errors, std::vector<ConfigError>& notes);

// For messages that came as bytes: the same for each unknown field of `message` and of all in it. An Any of a type that is
// unknown or disabled is refused.
void JudgeUnknownFields(const UnknownRule& rule, const google::protobuf::Message& message, const std::string& path,
                        ErrorList& errors, std::vector<ConfigError>& notes);

}  // namespace pillion::config
