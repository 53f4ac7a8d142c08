#include "source/config/wire.h"

#include <limits>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"

namespace pillion::config {
namespace {

using google::protobuf::internal::WireFormatLite;

// Calls on_field(number, value, whole) of each field that has a length, where `whole` is with its tag, and on_other(whole)
// of each other one. False: these are the bytes of no message.
template <typename OnField, typename OnOther>
bool ForEachField(std::string_view bytes, const OnField& on_field, const OnOther& on_other) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return false;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  while (true) {
    const auto begin = static_cast<size_t>(stream.CurrentPosition());
    const uint32_t tag = stream.ReadTag();
    if (tag == 0) return begin == bytes.size();
    const auto whole = [&] { return bytes.substr(begin, static_cast<size_t>(stream.CurrentPosition()) - begin); };
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&stream, tag)) return false;
      on_other(whole());
      continue;
    }
    uint32_t size = 0;
    if (!stream.ReadVarint32(&size) || size > bytes.size()) return false;
    const auto at = static_cast<size_t>(stream.CurrentPosition());
    if (!stream.Skip(static_cast<int>(size))) return false;
    on_field(static_cast<uint32_t>(WireFormatLite::GetTagFieldNumber(tag)), bytes.substr(at, size), whole());
  }
}

}  // namespace

std::optional<SplitMessage> SplitElements(std::string_view bytes, uint32_t field) {
  SplitMessage split;
  const bool good = ForEachField(
      bytes,
      [&](uint32_t number, std::string_view value, std::string_view whole) {
        number == field ? split.elements.push_back(value) : void(split.rest += whole);
      },
      [&](std::string_view whole) { split.rest += whole; });
  if (!good) return std::nullopt;
  return split;
}

std::string_view TextField(std::string_view bytes, uint32_t field) {
  std::string_view text;
  const bool good = ForEachField(
      bytes,
      [&](uint32_t number, std::string_view value, std::string_view) {
        if (number == field) text = value;
      },
      [](std::string_view) {});
  return good ? text : std::string_view();
}

std::optional<size_t> EqualElements::Find(std::string_view element) {
  std::optional<size_t> found;
  if (next_ < elements_.size() && elements_[next_] == element) {
    found = next_;
  } else {
    if (all_.empty()) {
      all_.reserve(elements_.size());
      for (size_t i = 0; i < elements_.size(); ++i) {
        all_.emplace(absl::string_view(elements_[i].data(), elements_[i].size()), i);
      }
    }
    const auto at = all_.find(absl::string_view(element.data(), element.size()));
    if (at != all_.end()) found = at->second;
  }
  next_ = found ? *found + 1 : next_ + 1;  // as if it had been changed in its place
  return found;
}

}  // namespace pillion::config
