#pragma once

// How each operator of an access log gets its value from a record: the functions behind LogOperator, and their table. For
// log_operator.cc alone.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "source/base/escape.h"
#include "source/base/random.h"
#include "source/http/parameters.h"
#include "source/http/status.h"
#include "source/telemetry/log_arguments.h"
#include "source/telemetry/log_fields.h"
#include "source/telemetry/log_names.h"
#include "source/telemetry/log_operator.h"
#include "source/telemetry/log_tls.h"
#include "source/telemetry/record_attributes.h"

namespace pillion::telemetry {

enum class AddressPart { kWhole, kHost, kPort };

inline LogValue PartOf(std::string_view address, AddressPart part) {
  const size_t colon = address.rfind(':');
  // The path of a socket has no port, nor has an internal listener.
  if (address.empty() || part == AddressPart::kWhole) return LogValue::TextOrMissing(address);
  if (colon == std::string_view::npos || address[0] == '/' || address[0] == '@' || address.starts_with("envoy://")) {
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

  static LogValue FirstOf(const LogOperator& self, const Record& record, std::string& scratch) {
    for (const LogAlternative& one : *self.alternatives_) {
      LogValue value = one.value.Evaluate(record, scratch);
      const bool is_text = value.kind == LogValue::Kind::kText || value.kind == LogValue::Kind::kJson;
      if (value.kind == LogValue::Kind::kMissing || (is_text && value.text.empty())) continue;
      if (value.kind == LogValue::Kind::kText) value.text = value.text.substr(0, one.limit);
      return value;
    }
    return LogValue::Missing();
  }

  // In one word, unless blanks are wanted.
  static LogValue Details(const LogOperator& self, const Record& record, std::string& scratch) {
    const std::string_view details = record.response_code_details;
    if (self.choice_ == kWithBlanks || details.find(' ') == details.npos) return LogValue::TextOrMissing(details);
    scratch = details;
    std::replace(scratch.begin(), scratch.end(), ' ', '_');
    return LogValue::Text(scratch);
  }

  static LogValue ServerName(const LogOperator& self, const Record& record, std::string&) {
    const LogValue asked = LogValue::TextOrMissing(record.requested_server_name);
    if (self.choice_ == kAskedOnly || record.request == nullptr) return asked;
    std::string_view host;
    if (self.host_choice_ != kHost) host = record.request->headers.Get(http::HeaderId::kXEnvoyOriginalHost);
    if (self.host_choice_ != kOriginalHost && host.empty()) host = record.request->authority;
    const LogValue meant = LogValue::TextOrMissing(host);
    const bool asked_counts = self.choice_ == kAskedFirst ? asked.kind != LogValue::Kind::kMissing
                                                          : meant.kind == LogValue::Kind::kMissing;
    return asked_counts ? asked : meant;
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
    // What came before it has not followed it.
    if (from == base::MonotonicTime() || to < from) return LogValue::Missing();
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
    if (object == nullptr || self.choice_ == kField) return LogValue::Missing();  // the objects that there are have none
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

}  // namespace pillion::telemetry
