#include "source/xds/answer.h"

#include <algorithm>
#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "source/base/escape.h"

namespace pillion::xds {
namespace {

namespace v3 = envoy::service::discovery::v3;
using google::protobuf::Any;

// More than anybody means, and little enough to be added to any time.
constexpr std::chrono::seconds kLongest = std::chrono::hours(24 * 365 * 50);

bool IsText(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = base::Utf8Length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

Answer::Item ToItem(v3::Resource& from) {
  Answer::Item item;
  item.name = std::move(*from.mutable_name());
  item.version = std::move(*from.mutable_version());
  if (from.has_resource()) {
    item.body = std::make_shared<const Any>(std::move(*from.mutable_resource()));
    item.inner = NameWithin(item.body->value());
  }
  if (from.has_ttl()) {
    const int64_t seconds = std::clamp<int64_t>(from.ttl().seconds(), -1, kLongest.count());
    item.ttl = std::chrono::seconds(seconds) + std::chrono::nanoseconds(from.ttl().nanos());
    if (*item.ttl <= base::Duration::zero()) item.error = "ttl: expected more than 0s";
  }
  return item;
}

std::optional<std::string> Identifier(const envoy::config::core::v3::ControlPlane& from, bool has) {
  return has ? std::optional(from.identifier()) : std::nullopt;
}

Answer FromDelta(v3::DeltaDiscoveryResponse response) {
  Answer answer{.form = Form::kDelta,
                .type_url = response.type_url(),
                .version = response.system_version_info(),
                .nonce = response.nonce(),
                .control_plane = Identifier(response.control_plane(), response.has_control_plane())};
  answer.items.reserve(static_cast<size_t>(response.resources_size()));
  for (v3::Resource& resource : *response.mutable_resources()) {
    Answer::Item& item = answer.items.emplace_back(ToItem(resource));
    if (item.name.empty() && item.error.empty()) item.error = "name: empty";
  }
  answer.removed.assign(response.removed_resources().begin(), response.removed_resources().end());
  return answer;
}

}  // namespace

std::string NameWithin(std::string_view bytes) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  std::string name;
  while (const uint32_t tag = input.ReadTag()) {
    uint64_t number = 0;
    int length = 0;
    bool read = false;
    switch (tag & 7) {  // the wire type; that of groups is of no type that is discovered
      case 0:
        read = input.ReadVarint64(&number);
        break;
      case 1:
        read = input.Skip(8);
        break;
      case 2:
        read = input.ReadVarintSizeAsInt(&length) && (tag >> 3 == 1 ? input.ReadString(&name, length) : input.Skip(length));
        break;
      case 5:
        read = input.Skip(4);
        break;
    }
    if (!read) return "";
  }
  return input.ConsumedEntireMessage() && IsText(name) ? name : "";
}

Answer ToAnswer(v3::DiscoveryResponse response) {
  Answer answer{.form = Form::kState,
                .type_url = response.type_url(),
                .version = response.version_info(),
                .nonce = response.nonce(),
                .control_plane = Identifier(response.control_plane(), response.has_control_plane())};
  answer.items.reserve(static_cast<size_t>(response.resources_size()));
  for (Any& resource : *response.mutable_resources()) {
    v3::Resource wrapped;
    if (resource.Is<v3::Resource>() && resource.UnpackTo(&wrapped)) {
      Answer::Item& item = answer.items.emplace_back(ToItem(wrapped));
      item.version = answer.version;
      continue;
    }
    const auto body = std::make_shared<const Any>(std::move(resource));
    answer.items.push_back({.name = "", .inner = NameWithin(body->value()), .version = answer.version, .body = body});
  }
  return answer;
}

std::optional<Answer> ReadAnswer(Form form, std::string_view bytes) {
  if (form == Form::kDelta) {
    v3::DeltaDiscoveryResponse response;
    if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
    return FromDelta(std::move(response));
  }
  v3::DiscoveryResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return ToAnswer(std::move(response));
}

}  // namespace pillion::xds
