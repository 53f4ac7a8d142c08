#pragma once

// Messages as the bytes that they came in: parts of them are found without parsing the rest, so that what is equal to the
// version before costs a comparison. Views are of the bytes given. Internal to config/.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace pillion::config {

// A message, taken apart.
struct SplitMessage {
  std::vector<std::string_view> elements;  // of the one field, which is repeated and of messages
  std::string rest;                        // the same message without them
};

// Nothing: these are the bytes of no message.
std::optional<SplitMessage> SplitElements(std::string_view bytes, uint32_t field);

// What a field of text holds; empty: it is not there, or these are the bytes of no message.
std::string_view TextField(std::string_view bytes, uint32_t field);

// Finds in a list the element that is equal to another one. Quick where the two lists have the same order.
class EqualElements {
 public:
  // The list outlives it.
  explicit EqualElements(const std::vector<std::string_view>& elements) : elements_(elements) {}

  // Its index.
  std::optional<size_t> Find(std::string_view element);

 private:
  const std::vector<std::string_view>& elements_;
  size_t next_ = 0;  // where the next one is looked for first
  absl::flat_hash_map<absl::string_view, size_t> all_;  // made when one was not there
};

}  // namespace pillion::config
