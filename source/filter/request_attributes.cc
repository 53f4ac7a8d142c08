#include "source/filter/request_attributes.h"

#include "source/access/connection_attributes.h"
#include "source/config/route.h"
#include "source/http/parameters.h"
#include "source/telemetry/attribute_values.h"

namespace pillion::filter {
namespace {

using expression::Attribute;
using expression::ErrorCode;
using expression::Key;
using expression::Value;
using telemetry::TextOrMissing;

Value Missing() { return expression::Attributes::Missing(); }
Value NoSuchKey() { return Value::Error(ErrorCode::kNoSuchKey); }
Value Count(uint64_t count) { return Value::Int(static_cast<int64_t>(count)); }

Value FirstOf(const std::vector<std::string>& texts) { return texts.empty() ? Missing() : TextOrMissing(texts.front()); }

}  // namespace

const telemetry::RequestRecord& RequestAttributes::record() const {
  if (!record_) stream_.Describe(record_.emplace());
  return *record_;
}

const access::Request& RequestAttributes::access() const {
  if (!access_) access_.emplace(stream_.AccessRequest());
  return *access_;
}

Value RequestAttributes::Get(Attribute which, base::Arena& /*arena*/) const {
  switch (which) {
    case Attribute::kRequestCost:
    case Attribute::kRequestPriority:
    case Attribute::kContextTenant:
    case Attribute::kContextRequestId:
    case Attribute::kContextFlags:
    case Attribute::kContextPaymentPath:
    case Attribute::kContextRealNameCheck:
    case Attribute::kContextTimeLeft:
      return telemetry::OfContext(access().notes, which);
    case Attribute::kRouteName:
      return stream_.route() == nullptr ? Missing() : TextOrMissing(stream_.route()->name);
    case Attribute::kClusterName:
      return TextOrMissing(stream_.cluster_name());
    case Attribute::kFilterChainName:
      return TextOrMissing(record().filter_chain_name);
    // Of maps that are looked into: whether they are there.
    case Attribute::kRequestHeaders:
    case Attribute::kRequestQueryParameters:
    case Attribute::kRequestCookies:
    case Attribute::kResponseHeaders:
    case Attribute::kResponseTrailers:
      return FieldsOf(which) == nullptr ? Missing() : Value::Bool(true);
    case Attribute::kContextBaggage:
      return NotedBaggage() == nullptr ? Missing() : Value::Bool(true);
    case Attribute::kMetadata:
    case Attribute::kFilterState:
      return Value::Bool(true);
    case Attribute::kRouteMetadata:
      return access().route_metadata == nullptr ? Missing() : Value::Bool(true);
    case Attribute::kClusterMetadata:
      return record().cluster_metadata == nullptr ? Missing() : Value::Bool(true);
    default:
      break;
  }
  if (which >= Attribute::kResponseFlags) return telemetry::OfSurroundings(record(), which);
  if (which <= Attribute::kRequestDuration) return OfRequest(which);
  if (which <= Attribute::kResponseTotalSize || which >= Attribute::kUpstreamAddress) return OfResponse(which);
  return OfConnection(which);
}

Value RequestAttributes::OfRequest(Attribute which) const {
  const http::RequestHead& head = stream_.request();
  switch (which) {
    case Attribute::kRequestSize:
      if (head.content_length != http::kNoContentLength) return Value::Int(head.content_length);
      return Count(record().bytes_received);
    case Attribute::kRequestTime:
      return Value::Timestamp(record().start_time);
    case Attribute::kRequestTotalSize:
      return telemetry::RequestTotalSize(record());
    case Attribute::kRequestDuration: {
      using telemetry::TimePoint;
      return Value::Duration(record().at(TimePoint::kEnd) - record().at(TimePoint::kDownstreamRxBegin));
    }
    default:
      return telemetry::OfHead(head, which);
  }
}

Value RequestAttributes::OfResponse(Attribute which) const {
  const telemetry::RequestRecord& known = record();
  switch (which) {
    case Attribute::kResponseCode:
      return known.response_code == 0 ? Missing() : Count(known.response_code);
    case Attribute::kResponseCodeDetails:
      return TextOrMissing(known.response_code_details);
    case Attribute::kResponseGrpcStatus:
      return telemetry::GrpcStatusIn(FieldsOf(Attribute::kResponseTrailers), FieldsOf(Attribute::kResponseHeaders));
    case Attribute::kResponseSize:
      return Count(known.bytes_sent);
    case Attribute::kResponseTotalSize:
      return telemetry::ResponseTotalSize(known);
    case Attribute::kUpstreamAddress:
      return TextOrMissing(known.upstream_remote_address);
    case Attribute::kUpstreamPort:
      return telemetry::PortOf(known.upstream_remote_address);
    case Attribute::kUpstreamAttempts:
      return Value::Uint(known.upstream_attempts);
    default:
      return Missing();
  }
}

Value RequestAttributes::OfConnection(Attribute which) const {
  const access::ConnectionFacts& connection = access().connection;
  const std::optional<access::Peer>& peer = connection.peer;
  switch (which) {
    case Attribute::kSourceAddress:
      return TextOrMissing(stream_.downstream_remote_address());
    case Attribute::kSourceIp:
      return TextOrMissing(access().client_ip.empty() ? std::string_view(connection.remote.ip) : access().client_ip);
    case Attribute::kSourcePort:
      return telemetry::PortOf(stream_.downstream_remote_address());
    case Attribute::kDestinationAddress:
      return TextOrMissing(record().downstream_local_address);
    case Attribute::kDestinationPort:
      return telemetry::PortOf(record().downstream_local_address);
    case Attribute::kConnectionId:
      return Value::Uint(record().connection_id);
    case Attribute::kConnectionServerName:
      return TextOrMissing(connection.server_name);
    case Attribute::kConnectionMtls:
      return Value::Bool(peer.has_value());
    case Attribute::kSourcePrincipal:
      return peer ? TextOrMissing(access::PrincipalOf(*peer)) : Missing();
    case Attribute::kConnectionUriPeer:
      return peer ? FirstOf(peer->uris) : Missing();
    case Attribute::kConnectionDnsPeer:
      return peer ? FirstOf(peer->dns) : Missing();
    case Attribute::kConnectionSubjectPeer:
      return peer ? TextOrMissing(peer->subject) : Missing();
    default:
      return OfTls(which);
  }
}

Value RequestAttributes::OfTls(Attribute which) const { return telemetry::OfTls(record().downstream_tls, which); }

const metadata::Value* RequestAttributes::NotedBaggage() const { return telemetry::BaggageIn(access().notes); }

const http::HeaderMap* RequestAttributes::FieldsOf(Attribute map) const {
  if (map == Attribute::kResponseHeaders) return stream_.response() == nullptr ? nullptr : &stream_.response()->headers;
  if (map == Attribute::kResponseTrailers) return record().response_trailers;
  return &stream_.request().headers;
}

Value RequestAttributes::FindField(Attribute map, const Key& key, base::Arena& arena) const {
  if (map == Attribute::kRequestHeaders) return telemetry::FindField(stream_.request(), key, arena);
  const http::HeaderMap* const fields = FieldsOf(map);
  return fields == nullptr ? Missing() : telemetry::FindField(*fields, key, arena);
}

Value RequestAttributes::FindMetadata(Attribute map, std::string_view space, base::Arena& arena) const {
  if (map == Attribute::kMetadata) return telemetry::NotedIn(access().notes, space, arena);
  const metadata::Value* const all = map == Attribute::kRouteMetadata ? access().route_metadata : record().cluster_metadata;
  const metadata::Value* const found = all == nullptr ? nullptr : metadata::Find(*all, space);
  return found == nullptr ? NoSuchKey() : telemetry::FromMetadata(*found, arena);
}

Value RequestAttributes::Find(Attribute map, const Key& key, base::Arena& arena) const {
  const auto text_or_no_key = [](const std::optional<std::string_view>& text) {
    return text ? Value::String(*text) : NoSuchKey();
  };
  switch (map) {
    case Attribute::kRequestHeaders:
    case Attribute::kResponseHeaders:
    case Attribute::kResponseTrailers:
      return FindField(map, key, arena);
    case Attribute::kRequestQueryParameters:
      return text_or_no_key(http::FindQueryParameter(stream_.request().path, key.text));
    case Attribute::kRequestCookies:
      return text_or_no_key(http::FindCookie(stream_.request().headers, key.text));
    case Attribute::kContextBaggage: {
      const metadata::Value* const baggage = NotedBaggage();
      const metadata::Value* const value = baggage == nullptr ? nullptr : metadata::Find(*baggage, key.text);
      return value == nullptr ? NoSuchKey() : Value::String(value->text);
    }
    case Attribute::kMetadata:
    case Attribute::kRouteMetadata:
    case Attribute::kClusterMetadata:
      return FindMetadata(map, key.text, arena);
    case Attribute::kVirtualHostMetadata:
    case Attribute::kListenerMetadata:
    case Attribute::kUpstreamHostMetadata:
    case Attribute::kUpstreamLocalityMetadata:
    case Attribute::kNodeMetadata:
      return telemetry::FindConfigured(record(), map, key.text, arena);
    case Attribute::kFilterState: {
      const metadata::Annotations* const notes = access().notes;
      const metadata::FilterState::Object* object = notes == nullptr ? nullptr : notes->filter_state.Find(key.text);
      return object == nullptr ? NoSuchKey() : Value::Bytes(object->text);
    }
    default:
      return Missing();
  }
}

Value RequestAttributes::Keys(Attribute map, base::Arena& arena) const {
  if (map == Attribute::kContextBaggage) {
    const metadata::Value* const baggage = NotedBaggage();
    return baggage == nullptr ? Missing() : telemetry::NamesOf(*baggage, arena);
  }
  const bool of_fields =
      map == Attribute::kRequestHeaders || map == Attribute::kResponseHeaders || map == Attribute::kResponseTrailers;
  if (!of_fields) return Value::Error(ErrorCode::kNoSuchOverload);
  const http::HeaderMap* const fields = FieldsOf(map);
  return fields == nullptr ? Missing() : telemetry::NamesOf(*fields, arena);
}

}  // namespace pillion::filter
