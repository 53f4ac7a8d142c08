#include "source/telemetry/log_operator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "source/base/escape.h"
#include "source/http/parameters.h"
#include "source/telemetry/log_names.h"

namespace pillion::telemetry {
namespace {

enum class AddressPart { kWhole, kHost, kPort };

LogValue PartOf(std::string_view address, AddressPart part) {
  const size_t colon = address.rfind(':');
  // A socket's path has no port.
  if (address.empty() || part == AddressPart::kWhole) return LogValue::TextOrMissing(address);
  if (colon == std::string_view::npos || address[0] == '/' || address[0] == '@') {
    return part == AddressPart::kHost ? LogValue::Text(address) : LogValue::Missing();
  }
  if (part == AddressPart::kHost) {
    std::string_view host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    return LogValue::Text(host);
  }
  uint16_t port = 0;
  const char* end = address.data() + address.size();
  if (std::from_chars(address.data() + colon + 1, end, port).ptr != end) return LogValue::Missing();
  return LogValue::Number(port);
}

}  // namespace

struct LogOperators {
  using Record = RequestRecord;

  // --- evaluation
  // -------------------------------------------------------------------------------------------------

  template <std::string_view Record::*member>
  static LogValue Text(const LogOperator&, const Record& record, std::string&) {
    return LogValue::TextOrMissing(record.*member);
  }

  template <uint64_t Record::*member>
  static LogValue Number(const LogOperator&, const Record& record, std::string&) {
    return LogValue::Number(static_cast<int64_t>(record.*member));
  }

  // As the stream saw them.
  static LogValue FieldBytes(const http::HeaderMap* headers) {
    return LogValue::Number(headers == nullptr ? 0 : static_cast<int64_t>(headers->ListSize()));
  }
  static LogValue RequestFieldBytes(const LogOperator&, const Record& record, std::string&) {
    return FieldBytes(record.request == nullptr ? nullptr : &record.request->headers);
  }
  static LogValue ResponseFieldBytes(const LogOperator&, const Record& record, std::string&) {
    return FieldBytes(record.response == nullptr ? nullptr : &record.response->headers);
  }
  static LogValue TrailerBytes(const LogOperator&, const Record& record, std::string&) {
    return FieldBytes(record.response_trailers);
  }

  template <std::string_view Record::*member, AddressPart part>
  static LogValue Address(const LogOperator&, const Record& record, std::string&) {
    return PartOf(record.*member, part);
  }

  template <std::optional<http::Version> Record::*member>
  static LogValue Protocol(const LogOperator&, const Record& record, std::string&) {
    return record.*member ? LogValue::Text(http::VersionName(*(record.*member))) : LogValue::Missing();
  }

  template <base::WallTime Record::*member>
  static LogValue Time(const LogOperator& self, const Record& record, std::string& scratch) {
    scratch.clear();
    self.time_.Append(record.*member, scratch);
    return LogValue::Text(scratch);
  }

  static LogValue Duration(const LogOperator& self, const Record& record, std::string&) {
    const base::MonotonicTime from = record.at(self.from_);
    const base::MonotonicTime to = record.at(self.to_);
    if (from == base::MonotonicTime() || to == base::MonotonicTime()) return LogValue::Missing();
    return LogValue::Number((to - from).count() / self.unit_nanos_);
  }

  static LogValue Constant(const LogOperator& self, const Record&, std::string&) {
    return LogValue::TextOrMissing(self.text_);
  }

  static LogValue Flags(const LogOperator& self, const Record& record, std::string& scratch) {
    scratch.clear();
    if (self.choice_ == 0) record.response_flags.AppendShortNames(scratch);
    if (self.choice_ == 1) record.response_flags.AppendLongNames(scratch);
    if (scratch.empty()) scratch = "-";  // a value, also in JSON: there was nothing to say
    return LogValue::Text(scratch);
  }

  // The first of the two names that `head` has; it may be null.
  template <typename Head>
  static LogValue Field(const LogOperator& self, const Head* head) {
    if (head == nullptr) return LogValue::Missing();
    std::optional<std::string_view> value = self.header_->First(*head);
    if (!value && self.alternative_) value = self.alternative_->First(*head);
    return value ? LogValue::Text(*value) : LogValue::Missing();
  }
  static LogValue RequestHeader(const LogOperator& self, const Record& record, std::string&) {
    return Field(self, record.request);
  }
  static LogValue ResponseHeader(const LogOperator& self, const Record& record, std::string&) {
    return Field(self, record.response);
  }
  static LogValue Trailer(const LogOperator& self, const Record& record, std::string&) {
    return Field(self, record.response_trailers);
  }

  enum PathChoice { kOriginalOrPath, kOriginal, kPath };

  static LogValue Path(const LogOperator& self, const Record& record, std::string& scratch) {
    if (record.request == nullptr) return LogValue::Missing();
    LogValue value = LogValue::Missing();
    if (self.choice_ != kPath) value = Field(self, record.request);
    if (value.kind == LogValue::Kind::kMissing && self.choice_ != kOriginal) {
      value = LogValue::TextOrMissing(record.request->path);
    }
    if (self.without_query_) value.text = http::WithoutQuery(value.text);
    return value;
  }

  static LogValue QueryParameter(const LogOperator& self, const Record& record, std::string&) {
    if (record.request == nullptr) return LogValue::Missing();
    const std::optional<std::string_view> value = http::FindQueryParameter(record.request->path, self.text_);
    return value ? LogValue::Text(*value) : LogValue::Missing();
  }

  enum GrpcChoice { kCamel, kSnake, kNumeric };

  static LogValue GrpcStatus(const LogOperator& self, const Record& record, std::string&) {
    if (record.request == nullptr || !http::IsGrpc(record.request->headers)) return LogValue::Missing();
    std::string_view text;
    if (record.response_trailers != nullptr) text = record.response_trailers->Get(http::HeaderId::kGrpcStatus);
    if (text.empty() && record.response != nullptr)
      text = record.response->headers.Get(http::HeaderId::kGrpcStatus);
    uint32_t code = 0;
    const char* end = text.data() + text.size();
    if (text.empty() || std::from_chars(text.data(), end, code).ptr != end) return LogValue::TextOrMissing(text);
    const GrpcStatusName name = FindGrpcStatusName(code);
    if (self.choice_ == kNumeric || name.camel.empty()) return LogValue::Number(code);
    return LogValue::Text(self.choice_ == kCamel ? name.camel : name.snake);
  }

  // All of it or, by the configuration, without what is escaped.
  static LogValue QueryParameters(const LogOperator& self, const Record& record, std::string& scratch) {
    if (record.request == nullptr) return LogValue::Missing();
    const std::string_view query = http::QueryOf(record.request->path);
    if (self.choice_ == kEscaped) return LogValue::TextOrMissing(query);
    scratch.clear();
    for (size_t i = 0; i < query.size(); ++i) {
      unsigned char byte = 0;
      const char* const digits = query.data() + i + 1;
      if (query[i] == '%' && i + 2 < query.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
        scratch += static_cast<char>(byte);
        i += 2;
      } else {
        scratch += query[i];
      }
    }
    return LogValue::TextOrMissing(scratch);
  }

  static LogValue Type(const LogOperator&, const Record& record, std::string&) {
    switch (record.type) {
      case LogType::kTcpConnectionEnd:
        return LogValue::Text("TcpConnectionEnd");
      case LogType::kDownstreamEnd:
        return LogValue::Text("DownstreamEnd");
      case LogType::kNone:
        break;
    }
    return LogValue::Text("NotSet");
  }

  static LogValue DynamicMetadata(const LogOperator& self, const Record& record, std::string& scratch) {
    if (record.annotations == nullptr) return LogValue::Missing();
    const metadata::DynamicMetadata& all = record.annotations->metadata;
    scratch.clear();
    if (self.keys_.empty()) {
      if (!all.Has(self.text_)) return LogValue::Missing();
      all.AppendJson(scratch, self.text_);
      return LogValue::Json(scratch);
    }
    const metadata::Value* value = all.Find(self.text_, self.keys_[0]);
    for (size_t i = 1; i < self.keys_.size() && value != nullptr; ++i) value = metadata::Find(*value, self.keys_[i]);
    if (value == nullptr) return LogValue::Missing();
    if (value->kind == metadata::Value::Kind::kText) return LogValue::Text(value->text);
    metadata::AppendJson(scratch, *value);
    return LogValue::Json(scratch);
  }

  enum StateChoice { kTyped, kPlain };

  static LogValue FilterState(const LogOperator& self, const Record& record, std::string& scratch) {
    if (record.annotations == nullptr) return LogValue::Missing();
    const metadata::FilterState::Object* const object = record.annotations->filter_state.Find(self.text_);
    if (object == nullptr) return LogValue::Missing();
    if (self.choice_ == kPlain) return LogValue::Text(object->text);
    if (!object->json.empty()) return LogValue::Json(object->json);
    scratch.clear();
    base::AppendJsonString(scratch, object->text);
    return LogValue::Json(scratch);
  }

  // What only HTTP/3 has.
  static LogValue Never(const LogOperator&, const Record&, std::string&) { return LogValue::Missing(); }
  static LogValue Zero(const LogOperator&, const Record&, std::string&) { return LogValue::Number(0); }

  // --- arguments: each gives an error text, empty when all is well
  // ------------------------------------------------

  static std::string NeedHeader(LogOperator& self, std::string_view argument) {
    const size_t question = argument.find('?');
    const auto set = [](std::optional<http::FieldName>& header, std::string_view name) {
      if (!http::FieldName::IsFieldName(name)) return false;
      header.emplace(name);
      return true;
    };
    if (!set(self.header_, argument.substr(0, question))) return "expected a header's name";
    if (question != std::string_view::npos && !set(self.alternative_, argument.substr(question + 1))) {
      return "expected a header's name behind '?'";
    }
    return "";
  }

  static std::string NeedName(LogOperator& self, std::string_view argument) {
    self.text_ = std::string(argument);
    return argument.empty() ? "expected a name" : "";
  }

  static std::string NeedVariable(LogOperator& self, std::string_view argument) {
    if (argument.empty()) return "expected an environment variable's name";
    const char* value = std::getenv(std::string(argument).c_str());
    self.text_ = value == nullptr ? "" : value;
    return "";
  }

  static std::string MayHaveTimeFormat(LogOperator& self, std::string_view argument) {
    absl::StatusOr<TimeFormat> format = TimeFormat::Compile(argument);
    if (!format.ok()) return std::string(format.status().message());
    self.time_ = *std::move(format);
    return "";
  }

  static std::string NeedDuration(LogOperator& self, std::string_view argument) {
    constexpr std::string_view kExpected =
        "expected from:to:unit with two of DS_RX_BEG DS_RX_END US_CX_BEG US_CX_END US_HS_END US_TX_BEG US_TX_END "
        "US_RX_BEG US_RX_END DS_TX_BEG DS_TX_END and one of ms us ns";
    const size_t first = argument.find(':');
    const size_t second = first == std::string_view::npos ? first : argument.find(':', first + 1);
    if (second == std::string_view::npos) return std::string(kExpected);
    const std::string_view unit = argument.substr(second + 1);
    const std::optional<TimePoint> from = FindTimePoint(argument.substr(0, first));
    const std::optional<TimePoint> to = FindTimePoint(argument.substr(first + 1, second - first - 1));
    self.unit_nanos_ = unit == "ms" ? 1'000'000 : unit == "us" ? 1'000 : unit == "ns" ? 1 : 0;
    if (self.unit_nanos_ == 0 || !from || !to) return std::string(kExpected);
    self.from_ = *from;
    self.to_ = *to;
    return "";
  }

  static std::string MayHavePathChoice(LogOperator& self, std::string_view argument) {
    const size_t colon = std::min(argument.find(':'), argument.size());
    const std::string_view query = argument.substr(0, colon);
    const std::string_view choice = argument.substr(std::min(colon + 1, argument.size()));
    self.without_query_ = query == "NQ";
    self.choice_ = choice == "ORIG" ? kOriginal : choice == "PATH" ? kPath : kOriginalOrPath;
    self.header_.emplace("x-envoy-original-path");
    const bool known = (query.empty() || query == "WQ" || query == "NQ") &&
                       (choice.empty() || choice == "ORIG" || choice == "PATH" || choice == "ORIG_OR_PATH");
    return known ? "" : "expected WQ or NQ, then :ORIG, :PATH or :ORIG_OR_PATH";
  }

  enum QueryChoice { kEscaped, kDecoded };

  static std::string MayHaveQueryChoice(LogOperator& self, std::string_view argument) {
    self.choice_ = argument == "DECODED" ? kDecoded : kEscaped;
    return argument.empty() || argument == "ORIG" || self.choice_ == kDecoded ? "" : "expected ORIG or DECODED";
  }

  // A namespace, and keys from the outside in.
  static std::string NeedMetadataPath(LogOperator& self, std::string_view argument) {
    for (bool first = true; first || !argument.empty(); first = false) {
      const size_t colon = std::min(argument.find(':'), argument.size());
      const std::string_view part = argument.substr(0, colon);
      if (part.empty()) return "expected a namespace, then :key and so on";
      argument.remove_prefix(std::min(colon + 1, argument.size()));
      if (first) {
        self.text_ = std::string(part);
      } else {
        self.keys_.emplace_back(part);
      }
    }
    return "";
  }

  static std::string NeedState(LogOperator& self, std::string_view argument) {
    const size_t colon = std::min(argument.find(':'), argument.size());
    self.text_ = std::string(argument.substr(0, colon));
    const std::string_view choice = argument.substr(colon);
    self.choice_ = choice == ":PLAIN" ? kPlain : kTyped;
    const bool known = choice.empty() || choice == ":PLAIN" || choice == ":TYPED";
    return known && !self.text_.empty() ? "" : "expected an object's name, then :PLAIN or :TYPED";
  }

  static std::string MayHaveGrpcChoice(LogOperator& self, std::string_view argument) {
    self.choice_ = argument == "SNAKE_STRING" ? kSnake : argument == "NUMBER" ? kNumeric : kCamel;
    const bool known = argument.empty() || argument == "CAMEL_STRING" || self.choice_ != kCamel;
    return known ? "" : "expected CAMEL_STRING, SNAKE_STRING or NUMBER";
  }

  // --- settings of operators without an argument
  // ------------------------------------------------------------------

  template <TimePoint from, TimePoint to>
  static void Between(LogOperator& self) {
    self.from_ = from;
    self.to_ = to;
  }
  template <int choice>
  static void Choose(LogOperator& self) {
    self.choice_ = choice;
  }
  static void SetHostname(LogOperator& self) {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) == 0) self.text_ = name;
  }

  struct Entry {
    std::string_view name;
    LogOperator::Evaluator evaluate;
    std::string (*argument)(LogOperator&, std::string_view) = nullptr;  // null: it takes none
    void (*set)(LogOperator&) = nullptr;
  };
  static const Entry kTable[];
  static const Entry* Find(std::string_view name);
  static absl::StatusOr<LogOperator> Make(const Entry& entry, bool has_argument, std::string_view argument);
};

#define ADDRESS(name, member)                                          \
  {name, Address<&Record::member, AddressPart::kWhole>}, {             \
    name "_WITHOUT_PORT", Address<&Record::member, AddressPart::kHost> \
  }
#define DURATION(name, from, to) \
  { name, Duration, nullptr, Between<TimePoint::from, TimePoint::to> }

// clang-format off
const LogOperators::Entry LogOperators::kTable[] = {
    {"ACCESS_LOG_TYPE", Type},
    {"BYTES_RECEIVED", Number<&Record::bytes_received>},
    {"BYTES_RETRANSMITTED", Zero},
    {"BYTES_SENT", Number<&Record::bytes_sent>},
    {"COMMON_DURATION", Duration, NeedDuration},
    {"CONNECTION_ID", Number<&Record::connection_id>},
    {"CONNECTION_TERMINATION_DETAILS", Text<&Record::connection_termination_details>},
    ADDRESS("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", downstream_direct_remote_address),
    {"DOWNSTREAM_DIRECT_REMOTE_PORT", Address<&Record::downstream_direct_remote_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_LOCAL_ADDRESS", downstream_local_address),
    {"DOWNSTREAM_LOCAL_PORT", Address<&Record::downstream_local_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_REMOTE_ADDRESS", downstream_remote_address),
    {"DOWNSTREAM_REMOTE_PORT", Address<&Record::downstream_remote_address, AddressPart::kPort>},
    {"DOWNSTREAM_WIRE_BYTES_RECEIVED", Number<&Record::downstream_wire_bytes_received>},
    {"DOWNSTREAM_WIRE_BYTES_SENT", Number<&Record::downstream_wire_bytes_sent>},
    DURATION("DURATION", kDownstreamRxBegin, kEnd),
    {"DYNAMIC_METADATA", DynamicMetadata, NeedMetadataPath},
    {"EMIT_TIME", Time<&Record::end_time>, MayHaveTimeFormat},
    {"ENVIRONMENT", Constant, NeedVariable},
    {"FILTER_CHAIN_NAME", Text<&Record::filter_chain_name>},
    {"REQUESTED_SERVER_NAME", Text<&Record::requested_server_name>},
    {"FILTER_STATE", FilterState, NeedState},
    {"GRPC_STATUS", GrpcStatus, MayHaveGrpcChoice},
    {"GRPC_STATUS_NUMBER", GrpcStatus, nullptr, Choose<kNumeric>},
    {"HOSTNAME", Constant, nullptr, SetHostname},
    {"LOCAL_REPLY_BODY", Text<&Record::local_reply_body>},
    {"PACKETS_RETRANSMITTED", Zero},
    {"PATH", Path, MayHavePathChoice},
    {"PROTOCOL", Protocol<&Record::protocol>},
    {"QUERY_PARAM", QueryParameter, NeedName},
    {"QUERY_PARAMS", QueryParameters, MayHaveQueryChoice},
    {"REQ", RequestHeader, NeedHeader},
    {"REQUEST_HEADER", RequestHeader, NeedHeader},
    DURATION("REQUEST_DURATION", kDownstreamRxBegin, kDownstreamRxEnd),
    {"REQUEST_HEADERS_BYTES", RequestFieldBytes},
    DURATION("REQUEST_TX_DURATION", kDownstreamRxBegin, kUpstreamTxEnd),
    {"RESP", ResponseHeader, NeedHeader},
    {"RESPONSE_CODE", Number<&Record::response_code>},
    {"RESPONSE_CODE_DETAILS", Text<&Record::response_code_details>},
    DURATION("RESPONSE_DURATION", kDownstreamRxBegin, kUpstreamRxBegin),
    {"RESPONSE_FLAGS", Flags, nullptr, Choose<0>},
    {"RESPONSE_FLAGS_LONG", Flags, nullptr, Choose<1>},
    {"RESPONSE_HEADER", ResponseHeader, NeedHeader},
    {"RESPONSE_HEADERS_BYTES", ResponseFieldBytes},
    {"RESPONSE_TRAILER", Trailer, NeedHeader},
    {"RESPONSE_TRAILERS_BYTES", TrailerBytes},
    DURATION("RESPONSE_TX_DURATION", kUpstreamRxBegin, kDownstreamTxEnd),
    {"ROUNDTRIP_DURATION", Never},
    {"ROUTE_NAME", Text<&Record::route_name>},
    {"START_TIME", Time<&Record::start_time>, MayHaveTimeFormat},
    {"STREAM_ID", Text<&Record::stream_id>},
    {"TRAILER", Trailer, NeedHeader},
    {"UPSTREAM_CLUSTER", Text<&Record::upstream_cluster>},
    {"UPSTREAM_CLUSTER_RAW", Text<&Record::upstream_cluster>},
    {"UPSTREAM_CONNECTION_ID", Number<&Record::upstream_connection_id>},
    DURATION("UPSTREAM_CONNECTION_POOL_READY_DURATION", kDownstreamRxBegin, kUpstreamPoolReady),
    {"UPSTREAM_HOST", Address<&Record::upstream_remote_address, AddressPart::kWhole>},
    {"UPSTREAM_HOST_NAME", Text<&Record::upstream_host_name>},
    ADDRESS("UPSTREAM_LOCAL_ADDRESS", upstream_local_address),
    {"UPSTREAM_LOCAL_PORT", Address<&Record::upstream_local_address, AddressPart::kPort>},
    {"UPSTREAM_PROTOCOL", Protocol<&Record::upstream_protocol>},
    ADDRESS("UPSTREAM_REMOTE_ADDRESS", upstream_remote_address),
    {"UPSTREAM_REMOTE_PORT", Address<&Record::upstream_remote_address, AddressPart::kPort>},
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", Number<&Record::upstream_attempts>},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON", Text<&Record::upstream_transport_failure_reason>},
    {"UPSTREAM_WIRE_BYTES_RECEIVED", Number<&Record::upstream_wire_bytes_received>},
    {"UPSTREAM_WIRE_BYTES_SENT", Number<&Record::upstream_wire_bytes_sent>},
};
// clang-format on

#undef ADDRESS
#undef DURATION

const LogOperators::Entry* LogOperators::Find(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kTable), std::end(kTable), [&](const Entry& e) { return e.name == name; });
  return found == std::end(kTable) ? nullptr : found;
}

absl::StatusOr<LogOperator> LogOperators::Make(const Entry& entry, bool has_argument, std::string_view argument) {
  LogOperator made;
  made.evaluate_ = entry.evaluate;
  if (entry.set != nullptr) entry.set(made);
  if (entry.argument == nullptr) {
    if (has_argument) return absl::InvalidArgumentError(fmt::format("%{}% takes no argument", entry.name));
    return made;
  }
  if (const std::string error = entry.argument(made, argument); !error.empty()) {
    return absl::InvalidArgumentError(fmt::format("%{}({})%: {}", entry.name, argument, error));
  }
  return made;
}

absl::StatusOr<LogOperator> LogOperator::Compile(std::string_view name, bool has_argument,
                                                 std::string_view argument) {
  if (const LogOperators::Entry* entry = LogOperators::Find(name)) {
    return LogOperators::Make(*entry, has_argument, argument);
  }
  if (KnownButNotSupported(name)) {
    return absl::UnimplementedError(fmt::format("operator %{}% is not supported", name));
  }
  return absl::InvalidArgumentError(fmt::format("unknown operator %{}%", name));
}

}  // namespace pillion::telemetry
