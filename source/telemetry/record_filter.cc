#include "source/telemetry/record_filter.h"

#include <algorithm>
#include <charconv>

#include "source/http/status.h"
#include "source/telemetry/record_attributes.h"

namespace pillion::telemetry {
namespace {

// The first 8 digits of a UUID, which are chance: the same number wherever the request is seen.
std::optional<uint64_t> NumberOf(std::string_view request_id) {
  constexpr size_t kDigits = 8;
  uint32_t number = 0;
  if (request_id.size() < kDigits) return std::nullopt;
  const char* const end = request_id.data() + kDigits;
  if (std::from_chars(request_id.data(), end, number, 16).ptr != end) return std::nullopt;
  return number;
}

// The status of the answer; nothing where there is neither one nor an HTTP status.
std::optional<uint32_t> GrpcStatusOf(const RequestRecord& record) {
  std::string_view text;
  if (record.response_trailers != nullptr) text = record.response_trailers->Get(http::HeaderId::kGrpcStatus);
  if (text.empty() && record.response != nullptr) text = record.response->headers.Get(http::HeaderId::kGrpcStatus);
  uint32_t status = 0;
  if (!text.empty()) {
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, status).ptr != end) return std::nullopt;
    return status;
  }
  if (record.response_code == 0) return std::nullopt;
  return static_cast<uint32_t>(http::GrpcStatusOf(static_cast<int>(record.response_code)));
}

struct Asked {
  const RequestRecord& record;

  bool operator()(const record::StatusCode& test) const { return test.number.Holds(record.response_code); }
  bool operator()(const record::Duration& test) const {
    const base::Duration whole = record.at(TimePoint::kEnd) - record.at(TimePoint::kDownstreamRxBegin);
    return test.number.Holds(
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(whole).count()));
  }
  bool operator()(const record::NotHealthCheck&) const { return !record.health_check; }
  bool operator()(const record::Header& test) const {
    return record.request == nullptr ? test.matcher.MatchesMissing() : test.matcher.Matches(*record.request);
  }
  bool operator()(const record::AnyFlag&) const { return !record.response_flags.empty(); }
  bool operator()(const record::OneOfFlags& test) const {
    return (record.response_flags.bits() & test.flags.bits()) != 0;
  }
  bool operator()(const record::GrpcStatus& test) const {
    const std::optional<uint32_t> status = GrpcStatusOf(record);
    const bool listed = status && *status < 32 && (test.statuses >> *status & 1) != 0;
    return listed != test.exclude;
  }
  bool operator()(const record::Type& test) const {
    return ((test.types >> static_cast<int>(record.type) & 1) != 0) != test.exclude;
  }
  bool operator()(const record::Sample& test) const {
    std::optional<uint64_t> number;
    if (!test.independent) number = NumberOf(record.stream_id);
    return test.fraction.Holds(number.value_or(record.random));
  }
  bool operator()(const record::Metadata& test) const {
    const metadata::Value* const found =
        record.annotations == nullptr ? nullptr : test.matcher.Find(record.annotations->metadata);
    return found == nullptr ? test.if_missing : test.matcher.Matches(found);
  }
  bool operator()(const record::Expression& test) const { return IsTrue(*test.program, record); }
  bool operator()(const record::All& test) const {
    return std::all_of(test.filters.begin(), test.filters.end(), [this](const RecordFilter& f) { return f.Holds(record); });
  }
  bool operator()(const record::Any& test) const {
    return std::any_of(test.filters.begin(), test.filters.end(), [this](const RecordFilter& f) { return f.Holds(record); });
  }
};

}  // namespace

namespace record {

bool Number::Holds(uint64_t number) const {
  const uint64_t other = key == nullptr ? value : key->Integer(value);
  switch (comparison) {
    case Comparison::kEqual:
      return number == other;
    case Comparison::kAtLeast:
      return number >= other;
    case Comparison::kAtMost:
      return number <= other;
    case Comparison::kNot:
      return number != other;
  }
  return false;
}

}  // namespace record

bool RecordFilter::Holds(const RequestRecord& record) const { return std::visit(Asked{record}, test_); }

}  // namespace pillion::telemetry
