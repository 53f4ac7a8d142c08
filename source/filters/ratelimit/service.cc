#include "source/filters/ratelimit/service.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "envoy/service/ratelimit/v3/rls.pb.h"
#include "source/http/framing.h"
#include "source/http/syntax.h"

namespace pillion::filters::ratelimit {
namespace {

namespace v3 = envoy::service::ratelimit::v3;
using Limit = v3::RateLimitResponse::RateLimit;

uint32_t Seconds(Limit::Unit unit) {
  constexpr uint32_t kHour = 3600;
  constexpr uint32_t kDay = 24 * kHour;
  switch (unit) {
    case Limit::SECOND:
      return 1;
    case Limit::MINUTE:
      return 60;
    case Limit::HOUR:
      return kHour;
    case Limit::DAY:
      return kDay;
    case Limit::WEEK:
      return 7 * kDay;
    case Limit::MONTH:
      return 30 * kDay;
    case Limit::YEAR:
      return 365 * kDay;
    default:
      return 0;
  }
}

using HeaderMessages = google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValue>;

std::span<const Field> Fields(const HeaderMessages& from, base::Arena& arena) {
  Field* const fields = arena.NewArray<Field>(static_cast<size_t>(from.size()));
  size_t count = 0;
  for (const auto& each : from) {
    const std::string name = absl::AsciiStrToLower(each.key());
    const std::string_view value = http::TrimBlanks(each.value());
    if (!http::IsLowerCaseToken(name) || http::IsFraming(name) || !http::IsFieldValue(value)) continue;
    fields[count++] = {arena.Copy(name), arena.Copy(value)};
  }
  return {fields, count};
}

std::span<const Answer::Standing> Standings(const v3::RateLimitResponse& from, base::Arena& arena) {
  auto* const standings = arena.NewArray<Answer::Standing>(static_cast<size_t>(from.statuses_size()));
  size_t count = 0;
  for (int i = 0; i < from.statuses_size(); ++i) {
    const auto& status = from.statuses(i);
    if (!status.has_current_limit()) continue;
    const Limit& limit = status.current_limit();
    // It stands between quotes in a field.
    const bool plain = http::IsFieldValue(limit.name()) && limit.name().find_first_of("\"\\") == std::string::npos;
    standings[count++] = {.descriptor = static_cast<size_t>(i),
                          .limit = limit.requests_per_unit(),
                          .window = Seconds(limit.unit()),
                          .name = plain ? arena.Copy(limit.name()) : std::string_view(),
                          .remaining = status.limit_remaining(),
                          .reset = status.duration_until_reset().seconds()};
  }
  return {standings, count};
}

metadata::Value Plant(const google::protobuf::Struct& from, base::Arena& arena);

metadata::Value Plant(const google::protobuf::Value& from, base::Arena& arena) {
  switch (from.kind_case()) {
    case google::protobuf::Value::kBoolValue:
      return metadata::Value::Flag(from.bool_value());
    case google::protobuf::Value::kNumberValue:
      return metadata::Value::Number(from.number_value());
    case google::protobuf::Value::kStringValue:
      return metadata::Value::Text(arena.Copy(from.string_value()));
    case google::protobuf::Value::kStructValue:
      return Plant(from.struct_value(), arena);
    case google::protobuf::Value::kListValue: {
      const auto size = static_cast<uint32_t>(from.list_value().values_size());
      auto* const members = arena.NewArray<metadata::Member>(size);
      for (uint32_t i = 0; i < size; ++i) members[i] = {"", Plant(from.list_value().values(static_cast<int>(i)), arena)};
      return {.kind = metadata::Value::Kind::kList, .size = size, .members = members};
    }
    default:
      return {};
  }
}

metadata::Value Plant(const google::protobuf::Struct& from, base::Arena& arena) {
  auto* const members = arena.NewArray<metadata::Member>(from.fields().size());
  uint32_t size = 0;
  for (const auto& [key, value] : from.fields()) members[size++] = {arena.Copy(key), Plant(value, arena)};
  return {.kind = metadata::Value::Kind::kObject, .size = size, .members = members};
}

}  // namespace

std::string RequestBytes(std::string_view domain, filter::Descriptors descriptors) {
  v3::RateLimitRequest message;
  message.set_domain(std::string(domain));
  for (const filter::Descriptor& descriptor : descriptors) {
    auto& to = *message.add_descriptors();
    for (const filter::DescriptorEntry& entry : descriptor.entries) {
      auto& added = *to.add_entries();
      added.set_key(std::string(entry.key));
      added.set_value(std::string(entry.value));
    }
    if (descriptor.hits) to.mutable_hits_addend()->set_value(*descriptor.hits);
    if (!descriptor.limit) continue;
    to.mutable_limit()->set_requests_per_unit(descriptor.limit->requests);
    to.mutable_limit()->set_unit(static_cast<envoy::type::v3::RateLimitUnit>(descriptor.limit->unit));
  }
  return message.SerializeAsString();
}

std::optional<Answer> ParseAnswer(std::string_view bytes, base::Arena& arena) {
  v3::RateLimitResponse message;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return std::nullopt;
  }
  return Answer{.over = message.overall_code() == v3::RateLimitResponse::OVER_LIMIT,
                .standings = Standings(message, arena),
                .request_fields = Fields(message.request_headers_to_add(), arena),
                .response_fields = Fields(message.response_headers_to_add(), arena),
                .body = arena.Copy(message.raw_body()),
                .notes = message.has_dynamic_metadata() ? Plant(message.dynamic_metadata(), arena) : metadata::Value()};
}

}  // namespace pillion::filters::ratelimit
