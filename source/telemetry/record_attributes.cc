#include "source/telemetry/record_attributes.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "source/base/block.h"
#include "source/base/escape.h"
#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "source/http/parameters.h"
#include "source/http/status.h"
#include "source/telemetry/attribute_values.h"
#include "source/tls/facts.h"

namespace pillion::telemetry {
namespace {

using expression::Attribute;
using expression::ErrorCode;
using expression::Key;
using expression::Kind;
using expression::Value;

Value NoSuchKey() { return Value::Error(ErrorCode::kNoSuchKey); }
Value Count(uint64_t count) { return Value::Int(static_cast<int64_t>(count)); }

// Without the port.
std::string_view IpOf(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || address[0] == '/' || address[0] == '@') return {};
  if (address.starts_with("envoy://")) return {};
  address = address.substr(0, colon);
  return address.starts_with('[') && address.size() > 2 ? address.substr(1, address.size() - 2) : address;
}

// What is asked of the upstream's connection, as it is asked of the downstream's.
std::optional<Attribute> OfDownstream(Attribute upstream) {
  switch (upstream) {
    case Attribute::kUpstreamTlsVersion:
      return Attribute::kConnectionTlsVersion;
    case Attribute::kUpstreamSubjectLocal:
      return Attribute::kConnectionSubjectLocal;
    case Attribute::kUpstreamSubjectPeer:
      return Attribute::kConnectionSubjectPeer;
    case Attribute::kUpstreamDnsLocal:
      return Attribute::kConnectionDnsLocal;
    case Attribute::kUpstreamDnsPeer:
      return Attribute::kConnectionDnsPeer;
    case Attribute::kUpstreamUriLocal:
      return Attribute::kConnectionUriLocal;
    case Attribute::kUpstreamUriPeer:
      return Attribute::kConnectionUriPeer;
    case Attribute::kUpstreamDigestPeer:
      return Attribute::kConnectionDigestPeer;
    default:
      return std::nullopt;
  }
}

void AppendJson(const Value& value, std::string& out, int depth);

void AppendJsonKey(const Value& key, std::string& out) {
  if (key.Is(Kind::kString)) return base::AppendJsonString(out, key.text());
  out += '"';
  AppendJson(key, out, 0);
  out += '"';
}

// JSON has no other numbers.
void AppendNumber(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
}

// What JSON has no form for is null. As deep as metadata may be.
void AppendJson(const Value& value, std::string& out, int depth) {
  constexpr int kMostDepth = 64;
  if (depth == kMostDepth) {
    out += "null";
    return;
  }
  switch (value.kind()) {
    case Kind::kBool:
      out += value.bool_value() ? "true" : "false";
      return;
    case Kind::kInt:
      fmt::format_to(std::back_inserter(out), "{}", value.int_value());
      return;
    case Kind::kUint:
      fmt::format_to(std::back_inserter(out), "{}", value.uint_value());
      return;
    case Kind::kDouble:
      return AppendNumber(value.double_value(), out);
    case Kind::kString:
    case Kind::kBytes:
      return base::AppendJsonString(out, value.text());
    case Kind::kList: {
      out += '[';
      for (size_t i = 0; i < value.items().size(); ++i) {
        if (i > 0) out += ',';
        AppendJson(value.items()[i], out, depth + 1);
      }
      out += ']';
      return;
    }
    case Kind::kMap: {
      out += '{';
      for (size_t i = 0; i < value.entries().size(); ++i) {
        if (i > 0) out += ',';
        AppendJsonKey(value.entries()[i].key, out);
        out += ':';
        AppendJson(value.entries()[i].value, out, depth + 1);
      }
      out += '}';
      return;
    }
    default:
      out += "null";
  }
}

Written AppendText(const Value& value, base::Arena& arena, std::string& out) {
  if (value.is_error() || value.Is(Kind::kLookup)) return Written::kNothing;
  if (value.Is(Kind::kList) || value.Is(Kind::kMap)) {
    AppendJson(value, out, 0);
    return Written::kText;
  }
  const Value text = expression::AsText(value, arena);
  if (text.is_error()) return Written::kNothing;
  out += text.text();
  return Written::kText;
}

// What evaluations of this thread make. Its blocks stay, so that the next one allocates nothing.
base::BlockPool& Blocks() {
  thread_local base::BlockPool blocks;
  return blocks;
}

}  // namespace

Value RecordAttributes::Get(Attribute which, base::Arena& /*arena*/) const {
  switch (which) {
    // Of maps that are looked into: whether they are there.
    case Attribute::kRequestHeaders:
    case Attribute::kResponseHeaders:
    case Attribute::kResponseTrailers:
      return FieldsOf(which) == nullptr ? Missing() : Value::Bool(true);
    case Attribute::kRequestQueryParameters:
    case Attribute::kRequestCookies:
      return record_.request == nullptr ? Missing() : Value::Bool(true);
    case Attribute::kContextBaggage:
      return BaggageIn(record_.annotations) == nullptr ? Missing() : Value::Bool(true);
    case Attribute::kMetadata:
    case Attribute::kFilterState:
      return Value::Bool(true);
    case Attribute::kRouteMetadata:
    case Attribute::kClusterMetadata:
    case Attribute::kUpstreamHostMetadata:
      return OfSurroundings(record_, which);
    case Attribute::kRequestSize:
      return Count(record_.bytes_received);
    case Attribute::kRequestTime:
      return Value::Timestamp(record_.start_time);
    case Attribute::kRequestProtocol:
      return record_.protocol ? Value::String(http::VersionName(*record_.protocol)) : Missing();
    case Attribute::kRequestTotalSize:
      return RequestTotalSize(record_);
    case Attribute::kRequestDuration:
      return Value::Duration(record_.at(TimePoint::kEnd) - record_.at(TimePoint::kDownstreamRxBegin));
    case Attribute::kResponseCode:
      return record_.response_code == 0 ? Missing() : Count(record_.response_code);
    case Attribute::kResponseCodeDetails:
      return TextOrMissing(record_.response_code_details);
    case Attribute::kResponseGrpcStatus: {
      const Value told = GrpcStatusIn(record_.response_trailers, FieldsOf(Attribute::kResponseHeaders));
      // Else what its HTTP status stands for, as in Envoy.
      if (!told.is_error() || record_.response_code == 0) return told;
      return Value::Int(static_cast<int64_t>(http::GrpcStatusOf(static_cast<int>(record_.response_code))));
    }
    case Attribute::kResponseSize:
      return Count(record_.bytes_sent);
    case Attribute::kResponseTotalSize:
      return ResponseTotalSize(record_);
    case Attribute::kRouteName:
      return TextOrMissing(record_.route_name);
    case Attribute::kClusterName:
      return TextOrMissing(record_.upstream_cluster);
    case Attribute::kFilterChainName:
      return TextOrMissing(record_.filter_chain_name);
    case Attribute::kUpstreamAddress:
      return TextOrMissing(record_.upstream_remote_address);
    case Attribute::kUpstreamPort:
      return PortOf(record_.upstream_remote_address);
    case Attribute::kUpstreamAttempts:
      return Value::Uint(record_.upstream_attempts);
    case Attribute::kUpstreamLocalAddress:
      return TextOrMissing(record_.upstream_local_address);
    case Attribute::kUpstreamFailure:
      return TextOrMissing(record_.upstream_transport_failure_reason);
    case Attribute::kResponseBackendLatency: {
      const base::MonotonicTime from = record_.at(TimePoint::kUpstreamTxBegin);
      const base::MonotonicTime to = record_.at(TimePoint::kUpstreamRxEnd);
      const bool reached = from != base::MonotonicTime() && to != base::MonotonicTime();
      return reached ? Value::Duration(to - from) : Missing();
    }
    case Attribute::kConnectionTermination:
      return TextOrMissing(record_.connection_termination_details);
    case Attribute::kConnectionFailure:
      return TextOrMissing(record_.downstream_transport_failure_reason);
    default:
      break;
  }
  if (which >= Attribute::kResponseFlags) return OfSurroundings(record_, which);
  if (const std::optional<Attribute> asked = OfDownstream(which)) return OfTls(record_.upstream_tls, *asked);
  const Value noted = OfContext(record_.annotations, which);
  if (!noted.is_error()) return noted;
  if (which < Attribute::kRequestTotalSize) return record_.request == nullptr ? Missing() : OfHead(*record_.request, which);
  return OfConnection(which);
}

Value RecordAttributes::OfConnection(Attribute which) const {
  switch (which) {
    case Attribute::kSourceAddress:
      return TextOrMissing(record_.downstream_remote_address);
    case Attribute::kSourceIp:
      return TextOrMissing(IpOf(record_.downstream_remote_address));
    case Attribute::kSourcePort:
      return PortOf(record_.downstream_remote_address);
    case Attribute::kDestinationAddress:
      return TextOrMissing(record_.downstream_local_address);
    case Attribute::kDestinationPort:
      return PortOf(record_.downstream_local_address);
    case Attribute::kConnectionId:
      return Value::Uint(record_.connection_id);
    case Attribute::kConnectionServerName:
      return TextOrMissing(record_.requested_server_name);
    case Attribute::kConnectionMtls:
      return Value::Bool(record_.downstream_tls != nullptr && record_.downstream_tls->peer_verified());
    case Attribute::kSourcePrincipal: {
      if (record_.downstream_tls == nullptr || !record_.downstream_tls->peer_verified()) return Missing();
      for (const Attribute name : {Attribute::kConnectionUriPeer, Attribute::kConnectionDnsPeer}) {
        const Value found = OfTls(record_.downstream_tls, name);
        if (!found.is_error()) return found;
      }
      return OfTls(record_.downstream_tls, Attribute::kConnectionSubjectPeer);
    }
    case Attribute::kConnectionUriPeer:
    case Attribute::kConnectionDnsPeer:
    case Attribute::kConnectionSubjectPeer:  // what was not believed is nobody's name
      if (record_.downstream_tls == nullptr || !record_.downstream_tls->peer_verified()) return Missing();
      return OfTls(record_.downstream_tls, which);
    default:
      return OfTls(record_.downstream_tls, which);
  }
}

const http::HeaderMap* RecordAttributes::FieldsOf(Attribute map) const {
  if (map == Attribute::kResponseTrailers) return record_.response_trailers;
  if (map == Attribute::kResponseHeaders) return record_.response == nullptr ? nullptr : &record_.response->headers;
  return record_.request == nullptr ? nullptr : &record_.request->headers;
}

Value RecordAttributes::Find(Attribute map, const Key& key, base::Arena& arena) const {
  const auto text_or_no_key = [](const std::optional<std::string_view>& text) {
    return text ? Value::String(*text) : NoSuchKey();
  };
  const http::RequestHead* const request = record_.request;
  switch (map) {
    case Attribute::kRequestHeaders:
      return request == nullptr ? Missing() : FindField(*request, key, arena);
    case Attribute::kResponseHeaders:
    case Attribute::kResponseTrailers:
      return FieldsOf(map) == nullptr ? Missing() : FindField(*FieldsOf(map), key, arena);
    case Attribute::kRequestQueryParameters:
      return request == nullptr ? Missing() : text_or_no_key(http::FindQueryParameter(request->path, key.text));
    case Attribute::kRequestCookies:
      return request == nullptr ? Missing() : text_or_no_key(http::FindCookie(request->headers, key.text));
    case Attribute::kContextBaggage: {
      const metadata::Value* const baggage = BaggageIn(record_.annotations);
      const metadata::Value* const value = baggage == nullptr ? nullptr : metadata::Find(*baggage, key.text);
      return value == nullptr ? NoSuchKey() : Value::String(value->text);
    }
    case Attribute::kMetadata:
      return NotedIn(record_.annotations, key.text, arena);
    case Attribute::kRouteMetadata:
    case Attribute::kClusterMetadata:
    case Attribute::kUpstreamHostMetadata:
    case Attribute::kUpstreamLocalityMetadata:
    case Attribute::kVirtualHostMetadata:
    case Attribute::kListenerMetadata:
    case Attribute::kNodeMetadata:
      return FindConfigured(record_, map, key.text, arena);
    case Attribute::kFilterState: {
      const metadata::Annotations* const notes = record_.annotations;
      const metadata::FilterState::Object* object = notes == nullptr ? nullptr : notes->filter_state.Find(key.text);
      return object == nullptr ? NoSuchKey() : Value::Bytes(object->text);
    }
    default:
      return Missing();
  }
}

Value RecordAttributes::Keys(Attribute map, base::Arena& arena) const {
  if (map == Attribute::kContextBaggage) {
    const metadata::Value* const baggage = BaggageIn(record_.annotations);
    return baggage == nullptr ? Missing() : NamesOf(*baggage, arena);
  }
  const bool of_fields =
      map == Attribute::kRequestHeaders || map == Attribute::kResponseHeaders || map == Attribute::kResponseTrailers;
  if (!of_fields) return Value::Error(ErrorCode::kNoSuchOverload);
  const http::HeaderMap* const fields = FieldsOf(map);
  return fields == nullptr ? Missing() : NamesOf(*fields, arena);
}

absl::StatusOr<ExpressionOfRecords> CompileForRecords(std::string_view text, std::optional<Kind> result) {
  const expression::Catalog& names = expression::Catalog::OfRequests();
  return expression::Compile(text,
                             {.check = {.catalog = &names, .moment = expression::Moment::kEnd}, .result = result});
}

bool IsTrue(const expression::Program& program, const RequestRecord& record) {
  base::Arena arena(Blocks());
  return expression::Evaluate(program, RecordAttributes(record), arena).is_true();
}

Written WriteText(const expression::Program& program, const RequestRecord& record, std::string& out) {
  base::Arena arena(Blocks());
  return AppendText(expression::Evaluate(program, RecordAttributes(record), arena), arena, out);
}

Written WriteTyped(const expression::Program& program, const RequestRecord& record, std::string& out) {
  base::Arena arena(Blocks());
  const Value value = expression::Evaluate(program, RecordAttributes(record), arena);
  switch (value.kind()) {
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kList:
    case Kind::kMap:
      AppendJson(value, out, 0);
      return Written::kJson;
    default:
      return AppendText(value, arena, out);
  }
}

}  // namespace pillion::telemetry
