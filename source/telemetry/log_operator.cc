#include "source/telemetry/log_operator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <random>

#include "source/base/escape.h"
#include "source/base/random.h"
#include "source/http/parameters.h"
#include "source/http/status.h"
#include "source/telemetry/log_arguments.h"
#include "source/telemetry/log_fields.h"
#include "source/telemetry/log_names.h"
#include "source/telemetry/log_tls.h"
#include "source/telemetry/record_attributes.h"

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

  template <std::string_view Record::*member>
  static LogValue Text(const LogOperator&, const Record& record, std::string&) {
    return LogValue::TextOrMissing(record.*member);
  }

  // In one word, as upstream's is.
  static LogValue DownstreamFailure(const LogOperator&, const Record& record, std::string& scratch) {
    scratch = record.downstream_transport_failure_reason;
    std::replace(scratch.begin(), scratch.end(), ' ', '_');
    return LogValue::TextOrMissing(scratch);
  }

  template <uint64_t Record::*member>
  static LogValue Number(const LogOperator&, const Record& record, std::string&) {
    return LogValue::Number(static_cast<int64_t>(record.*member));
  }

  // An expression. What has a type of its own keeps it in JSON, where that is wanted.
  template <Written (*write)(const expression::Program&, const Record&, std::string&)>
  static LogValue Expression(const LogOperator& self, const Record& record, std::string& scratch) {
    scratch.clear();
    switch (write(*self.program_, record, scratch)) {
      case Written::kText:
        return LogValue::Text(scratch);
      case Written::kJson:
        return LogValue::Json(scratch);
      case Written::kNothing:
        break;
    }
    return LogValue::Missing();
  }

  // Of an empty one, too, there is a text.
  static LogValue LocalReplyBody(const LogOperator&, const Record& record, std::string&) {
    return LogValue::Text(record.local_reply_body);
  }

  static LogValue Bytes(size_t bytes) { return LogValue::Number(static_cast<int64_t>(bytes)); }
  static LogValue RequestFieldBytes(const LogOperator&, const Record& record, std::string&) {
    return Bytes(record.request == nullptr ? 0 : BytesOf(*record.request));
  }
  static LogValue ResponseFieldBytes(const LogOperator&, const Record& record, std::string&) {
    return Bytes(record.response == nullptr ? 0 : BytesOf(*record.response));
  }
  static LogValue TrailerBytes(const LogOperator&, const Record& record, std::string&) {
    return Bytes(record.response_trailers == nullptr ? 0 : BytesOf(*record.response_trailers));
  }

  template <std::string_view Record::*member, AddressPart part>
  static LogValue Address(const LogOperator&, const Record& record, std::string&) {
    return PartOf(record.*member, part);
  }

  template <std::string_view Record::*member>
  static LogValue Ip(const LogOperator& self, const Record& record, std::string& scratch) {
    const LogValue ip = PartOf(record.*member, AddressPart::kHost);
    if (self.choice_ == kWholeIp || ip.kind == LogValue::Kind::kMissing) return ip;
    return LogValue::Text(Masked(ip.text, self.choice_, scratch));
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

  template <base::WallTime Record::*member>
  static LogValue LocalTime(const LogOperator& self, const Record& record, std::string& scratch) {
    scratch.clear();
    self.time_.AppendLocal(record.*member, scratch);
    return LogValue::Text(scratch);
  }

  // A new one for each line.
  static LogValue UniqueId(const LogOperator&, const Record&, std::string& scratch) {
    thread_local base::Random random((uint64_t{std::random_device()()} << 32) | std::random_device()());
    const uint64_t high = random.Next();
    const uint64_t low = random.Next();
    scratch = fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff,
                          ((low >> 48) & 0x3fff) | 0x8000, low & 0xffff'ffff'ffff);
    return LogValue::Text(scratch);
  }

  // Of all hosts to which there was a connection, in the order of the first; each once.
  static LogValue Attempts(const LogOperator& self, const Record& record, std::string& scratch) {
    scratch.clear();
    const auto append = [&](const AttemptedHost& host, auto&& append_earlier) -> void {
      if (host.earlier != nullptr) append_earlier(*host.earlier, append_earlier);
      if (host.connection_id == 0) return;
      for (const AttemptedHost* other = host.earlier; other != nullptr; other = other->earlier) {
        if (other->connection_id == 0 || other->address != host.address) continue;
        if (self.choice_ != kAttemptConnection || other->connection_id == host.connection_id) return;
      }
      const std::string_view text = self.choice_ == kAttemptName       ? host.name
                                    : self.choice_ == kAttemptBareName ? PartOf(host.name, AddressPart::kHost).text
                                    : self.choice_ == kAttemptIp       ? PartOf(host.address, AddressPart::kHost).text
                                                                       : host.address;
      const bool is_id = self.choice_ == kAttemptConnection;
      if (!is_id && text.empty()) return;
      if (!scratch.empty()) scratch += ',';
      is_id ? scratch += std::to_string(host.connection_id) : scratch += text;
    };
    if (record.attempted_hosts != nullptr) append(*record.attempted_hosts, append);
    return LogValue::TextOrMissing(scratch);
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

  static LogValue Tls(const LogOperator& self, const Record& record, std::string& scratch) {
    return LogValue::TextOrMissing(self.tls_->text(record, scratch));
  }
  static LogValue TlsDate(const LogOperator& self, const Record& record, std::string& scratch) {
    const std::optional<absl::Time> date = self.tls_->date(record);
    if (!date) return LogValue::Missing();
    scratch.clear();
    // A certificate that never ends says the year 9999 (RFC 5280, 4.1.2.5), which the clock's type does not have.
    if (*date >= absl::FromChrono(base::WallTime::max())) {
      scratch = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", *date, absl::UTCTimeZone());
    } else {
      self.time_.Append(absl::ToChronoTime(*date), scratch);
    }
    return LogValue::Text(scratch);
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
  static LogValue FieldWithoutQuery(const LogOperator& self, const Record& record, std::string&) {
    LogValue value = Field(self, record.request);
    value.text = http::WithoutQuery(value.text);
    return value;
  }
  static LogValue ResponseHeader(const LogOperator& self, const Record& record, std::string&) {
    return Field(self, record.response);
  }
  static LogValue Trailer(const LogOperator& self, const Record& record, std::string&) {
    return Field(self, record.response_trailers);
  }

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

  static LogValue QueryParameter(const LogOperator& self, const Record& record, std::string& scratch) {
    if (record.request == nullptr) return LogValue::Missing();
    const bool found = FindQueryParameter(record.request->path, self.text_, scratch);
    return found ? LogValue::Text(scratch) : LogValue::Missing();
  }

  static LogValue GrpcStatus(const LogOperator& self, const Record& record, std::string&) {
    if (record.request == nullptr || !http::IsGrpc(record.request->headers)) return LogValue::Missing();
    std::string_view text;
    if (record.response_trailers != nullptr) text = record.response_trailers->Get(http::HeaderId::kGrpcStatus);
    if (text.empty() && record.response != nullptr)
      text = record.response->headers.Get(http::HeaderId::kGrpcStatus);
    uint32_t code = 0;
    const char* end = text.data() + text.size();
    if (text.empty()) {
      // An answer that has none means what its status does.
      if (record.response_code == 0) return LogValue::Missing();
      code = static_cast<uint32_t>(http::GrpcStatusOf(static_cast<int>(record.response_code)));
    } else if (std::from_chars(text.data(), end, code).ptr != end) {
      return LogValue::Text(text);
    }
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
    Unescape(query, scratch);
    return LogValue::TextOrMissing(scratch);
  }

  static LogValue Type(const LogOperator&, const Record& record, std::string&) {
    switch (record.type) {
      case LogType::kTcpConnectionStart:
        return LogValue::Text("TcpConnectionStart");
      case LogType::kTcpUpstreamConnected:
        return LogValue::Text("TcpUpstreamConnected");
      case LogType::kTcpPeriodic:
        return LogValue::Text("TcpPeriodic");
      case LogType::kTcpConnectionEnd:
        return LogValue::Text("TcpConnectionEnd");
      case LogType::kDownstreamStart:
        return LogValue::Text("DownstreamStart");
      case LogType::kDownstreamPeriodic:
        return LogValue::Text("DownstreamPeriodic");
      case LogType::kDownstreamTunnelEstablished:
        return LogValue::Text("DownstreamTunnelSuccessfullyEstablished");
      case LogType::kDownstreamEnd:
        return LogValue::Text("DownstreamEnd");
      case LogType::kNone:
        break;
    }
    return LogValue::Text("NotSet");
  }

  static LogValue ConfiguredMetadata(const LogOperator& self, const Record& record, std::string& scratch) {
    const metadata::Value* value = record.*self.configured_;
    if (value != nullptr) value = metadata::Find(*value, self.text_);
    for (size_t i = 0; i < self.keys_.size() && value != nullptr; ++i) value = metadata::Find(*value, self.keys_[i]);
    if (value == nullptr) return LogValue::Missing();
    if (value->kind == metadata::Value::Kind::kText) return LogValue::Text(value->text);
    scratch.clear();
    metadata::AppendJson(scratch, *value);
    return LogValue::Json(scratch);
  }

  static LogValue DynamicMetadata(const LogOperator& self, const Record& record, std::string& scratch) {
    if (self.configured_ != nullptr) return ConfiguredMetadata(self, record, scratch);
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

  // What only HTTP/3 or Envoy's internal addresses have; and what nobody notes: traces, flags of other filters.
  static LogValue Never(const LogOperator&, const Record&, std::string&) { return LogValue::Missing(); }
  static LogValue Zero(const LogOperator&, const Record&, std::string&) { return LogValue::Number(0); }

  // --- settings of operators without an argument

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

#define ADDRESS(name, member)                                                \
  {name, Address<&Record::member, AddressPart::kWhole>}, {                   \
    name "_WITHOUT_PORT", Ip<&Record::member>, LogArguments::MayHaveMask     \
  }
#define ATTEMPTS(name, choice) \
  { name, Attempts, nullptr, Choose<choice> }
#define DURATION(name, from, to) \
  { name, Duration, nullptr, Between<TimePoint::from, TimePoint::to> }

// clang-format off
const LogOperators::Entry LogOperators::kTable[] = {
    {"ACCESS_LOG_TYPE", Type},
    {"BYTES_RECEIVED", Number<&Record::bytes_received>},
    {"BYTES_RETRANSMITTED", Zero}, {"PACKETS_RETRANSMITTED", Zero},
    {"CUSTOM_FLAGS", Never}, {"ROUNDTRIP_DURATION", Never}, {"SPAN_ID", Never}, {"TRACE_ID", Never},
    {"DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", Never}, {"UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", Never},
    {"COMMON_DURATION", Duration, LogArguments::NeedDuration},
    {"CONNECTION_ID", Number<&Record::connection_id>}, {"BYTES_SENT", Number<&Record::bytes_sent>},
    {"CLUSTER_METADATA", ConfiguredMetadata, LogArguments::NeedPathIn<&Record::cluster_metadata>},
    {"CONNECTION_TERMINATION_DETAILS", Text<&Record::connection_termination_details>},
    ADDRESS("DOWNSTREAM_DIRECT_LOCAL_ADDRESS", downstream_direct_local_address),
    {"DOWNSTREAM_DIRECT_LOCAL_PORT", Address<&Record::downstream_direct_local_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", downstream_direct_remote_address),
    {"DOWNSTREAM_DIRECT_REMOTE_PORT", Address<&Record::downstream_direct_remote_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_LOCAL_ADDRESS", downstream_local_address),
    {"DOWNSTREAM_LOCAL_PORT", Address<&Record::downstream_local_address, AddressPart::kPort>},
    ADDRESS("DOWNSTREAM_REMOTE_ADDRESS", downstream_remote_address),
    {"DOWNSTREAM_REMOTE_PORT", Address<&Record::downstream_remote_address, AddressPart::kPort>},
    {"DOWNSTREAM_WIRE_BYTES_RECEIVED", Number<&Record::downstream_wire_bytes_received>},
    {"DOWNSTREAM_WIRE_BYTES_SENT", Number<&Record::downstream_wire_bytes_sent>},
    DURATION("DURATION", kDownstreamRxBegin, kEnd),
    {"DYNAMIC_METADATA", DynamicMetadata, LogArguments::NeedMetadataPath},
    {"UPSTREAM_METADATA", ConfiguredMetadata, LogArguments::NeedPathIn<&Record::upstream_metadata>},
    {"CEL", Expression<WriteText>, LogArguments::NeedExpression},
    {"TYPED_CEL", Expression<WriteTyped>, LogArguments::NeedExpression},
    {"EMIT_TIME", Time<&Record::end_time>, LogArguments::MayHaveTimeFormat},
    {"EMIT_TIME_LOCAL", LocalTime<&Record::end_time>, LogArguments::MayHaveTimeFormat},
    {"ENVIRONMENT", Constant, LogArguments::NeedVariable}, {"FILTER_CHAIN_NAME", Text<&Record::filter_chain_name>},
    {"REQUESTED_SERVER_NAME", Text<&Record::requested_server_name>},
    {"FILTER_STATE", FilterState, LogArguments::NeedState},
    {"GRPC_STATUS", GrpcStatus, LogArguments::MayHaveGrpcChoice},
    {"GRPC_STATUS_NUMBER", GrpcStatus, nullptr, Choose<kNumeric>},
    {"HOSTNAME", Constant, nullptr, SetHostname},
    {"LOCAL_REPLY_BODY", LocalReplyBody},
    {"METADATA", DynamicMetadata, LogArguments::NeedTypedMetadataPath},
    {"PATH", Path, LogArguments::MayHavePathChoice},
    {"PROTOCOL", Protocol<&Record::protocol>},
    {"QUERY_PARAM", QueryParameter, LogArguments::NeedName},
    {"QUERY_PARAMS", QueryParameters, LogArguments::MayHaveQueryChoice},
    {"REQ", RequestHeader, LogArguments::NeedHeader},
    {"REQUEST_HEADER", RequestHeader, LogArguments::NeedHeader},
    {"REQ_WITHOUT_QUERY", FieldWithoutQuery, LogArguments::NeedHeader},
    DURATION("REQUEST_DURATION", kDownstreamRxBegin, kDownstreamRxEnd),
    {"REQUEST_HEADERS_BYTES", RequestFieldBytes},
    DURATION("REQUEST_TX_DURATION", kDownstreamRxBegin, kUpstreamTxEnd),
    {"RESP", ResponseHeader, LogArguments::NeedHeader},
    {"RESPONSE_CODE", Number<&Record::response_code>},
    {"RESPONSE_CODE_DETAILS", Text<&Record::response_code_details>},
    DURATION("RESPONSE_DURATION", kDownstreamRxBegin, kUpstreamRxBegin),
    {"RESPONSE_FLAGS", Flags, nullptr, Choose<0>}, {"RESPONSE_FLAGS_LONG", Flags, nullptr, Choose<1>},
    {"RESPONSE_HEADER", ResponseHeader, LogArguments::NeedHeader},
    {"RESPONSE_HEADERS_BYTES", ResponseFieldBytes},
    {"RESPONSE_TRAILER", Trailer, LogArguments::NeedHeader},
    {"RESPONSE_TRAILERS_BYTES", TrailerBytes},
    DURATION("RESPONSE_TX_DURATION", kUpstreamRxBegin, kDownstreamTxEnd),
    {"ROUTE_NAME", Text<&Record::route_name>},
    {"START_TIME", Time<&Record::start_time>, LogArguments::MayHaveTimeFormat},
    {"START_TIME_LOCAL", LocalTime<&Record::start_time>, LogArguments::MayHaveTimeFormat},
    {"STREAM_ID", Text<&Record::stream_id>},
    {"TRAILER", Trailer, LogArguments::NeedHeader},
    {"UNIQUE_ID", UniqueId},
    {"UPSTREAM_CLUSTER", Text<&Record::upstream_cluster>},
    {"UPSTREAM_CLUSTER_RAW", Text<&Record::upstream_cluster>},
    ATTEMPTS("UPSTREAM_CONNECTION_IDS_ATTEMPTED", kAttemptConnection),
    {"UPSTREAM_CONNECTION_ID", Number<&Record::upstream_connection_id>},
    DURATION("UPSTREAM_CONNECTION_POOL_READY_DURATION", kDownstreamRxBegin, kUpstreamPoolReady),
    {"UPSTREAM_HOST", Address<&Record::upstream_host_address, AddressPart::kWhole>},
    ATTEMPTS("UPSTREAM_HOSTS_ATTEMPTED", kAttemptAddress),
    ATTEMPTS("UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", kAttemptIp),
    ATTEMPTS("UPSTREAM_HOST_NAMES_ATTEMPTED", kAttemptName),
    ATTEMPTS("UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", kAttemptBareName),
    {"UPSTREAM_HOST_NAME", Text<&Record::upstream_host_name>},
    {"UPSTREAM_HOST_NAME_WITHOUT_PORT", Address<&Record::upstream_host_name, AddressPart::kHost>},
    ADDRESS("UPSTREAM_LOCAL_ADDRESS", upstream_local_address),
    {"UPSTREAM_LOCAL_PORT", Address<&Record::upstream_local_address, AddressPart::kPort>},
    {"UPSTREAM_PROTOCOL", Protocol<&Record::upstream_protocol>},
    ADDRESS("UPSTREAM_REMOTE_ADDRESS", upstream_remote_address),
    {"UPSTREAM_REMOTE_PORT", Address<&Record::upstream_remote_address, AddressPart::kPort>},
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", Number<&Record::upstream_attempts>},
    {"DOWNSTREAM_TRANSPORT_FAILURE_REASON", DownstreamFailure},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON", Text<&Record::upstream_transport_failure_reason>},
    {"UPSTREAM_WIRE_BYTES_RECEIVED", Number<&Record::upstream_wire_bytes_received>},
    {"UPSTREAM_WIRE_BYTES_SENT", Number<&Record::upstream_wire_bytes_sent>},
    {"VIRTUAL_CLUSTER_NAME", Text<&Record::virtual_cluster_name>},
};
// clang-format on

#undef ADDRESS
#undef ATTEMPTS
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

absl::StatusOr<LogOperator> LogOperator::Compile(std::string_view name, bool has_argument, std::string_view argument) {
  if (const LogOperators::Entry* entry = LogOperators::Find(name)) {
    return LogOperators::Make(*entry, has_argument, argument);
  }
  if (const TlsOperator* tls = FindTlsOperator(name)) {
    LogOperators::Entry entry{tls->name, LogOperators::Tls};
    if (tls->date != nullptr) entry = {tls->name, LogOperators::TlsDate, LogArguments::MayHaveTimeFormat};
    absl::StatusOr<LogOperator> made = LogOperators::Make(entry, has_argument, argument);
    if (made.ok()) made->tls_ = tls;
    return made;
  }
  if (KnownButNotSupported(name)) {
    return absl::UnimplementedError(fmt::format("operator %{}% is not supported", name));
  }
  return absl::InvalidArgumentError(fmt::format("unknown operator %{}%", name));
}

}  // namespace pillion::telemetry
