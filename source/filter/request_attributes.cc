#include "source/filter/request_attributes.h"

#include <algorithm>
#include <charconv>

#include "source/access/connection_attributes.h"
#include "source/config/route.h"
#include "source/http/parameters.h"
#include "source/http/syntax.h"
#include "source/tls/facts.h"

namespace pillion::filter {
namespace {

using expression::Attribute;
using expression::ErrorCode;
using expression::Key;
using expression::Kind;
using expression::MapEntry;
using expression::Value;

constexpr std::string_view kContextSpace = "pillion.context";
constexpr int kMostDepth = 32;       // of metadata
constexpr size_t kMostKeys = 1'000;  // that are gone through

Value Missing() { return expression::Attributes::Missing(); }
Value NoSuchKey() { return Value::Error(ErrorCode::kNoSuchKey); }
Value TextOrMissing(std::string_view text) { return text.empty() ? Missing() : Value::String(text); }
Value Count(uint64_t count) { return Value::Int(static_cast<int64_t>(count)); }

Value Converted(const metadata::Value& from, base::Arena& arena, int depth = 0) {
  using From = metadata::Value::Kind;
  if (depth == kMostDepth) return Value::Error(ErrorCode::kTooLarge);
  switch (from.kind) {
    case From::kNull:
      return Value::Null();
    case From::kFlag:
      return Value::Bool(from.flag);
    case From::kNumber:
      return Value::Double(from.number);
    case From::kText:
      return Value::String(from.text);
    case From::kList: {
      auto* const items = static_cast<Value*>(arena.Allocate(from.size * sizeof(Value), alignof(Value)));
      for (uint32_t i = 0; i < from.size; ++i) items[i] = Converted(from.members[i].value, arena, depth + 1);
      return Value::List({items, from.size});
    }
    case From::kObject: {
      auto* const entries = static_cast<MapEntry*>(arena.Allocate(from.size * sizeof(MapEntry), alignof(MapEntry)));
      for (uint32_t i = 0; i < from.size; ++i) {
        entries[i] = {Value::String(from.members[i].key), Converted(from.members[i].value, arena, depth + 1)};
      }
      return Value::Map({entries, from.size});
    }
  }
  return Value::Null();
}

// The name of a part of the model, as of a field.
std::optional<std::string_view> PartOf(const http::RequestHead& head, std::string_view name) {
  if (name == ":method") return head.method;
  if (name == ":path") return head.path;
  if (name == ":scheme") return head.scheme;
  if (name == ":authority" || name == "host") return head.authority;
  return std::nullopt;
}

bool HasUpperCase(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool IsSame(const http::HeaderField& a, const http::HeaderField& b) {
  return a.id == b.id && (a.id != http::HeaderId::kUnknown || a.name() == b.name());
}

// Of all fields of that name, from the first on.
std::string_view Joined(const http::HeaderField* first, const http::HeaderField* end, base::Arena& arena) {
  const auto more = [first](const http::HeaderField& field) { return IsSame(field, *first); };
  const http::HeaderField* next = std::find_if(first + 1, end, more);
  if (next == end) return first->value();
  base::ArenaText text;
  text.Append(arena, first->value());
  for (; next != end; next = std::find_if(next + 1, end, more)) {
    text.Append(arena, first->id == http::HeaderId::kCookie ? "; " : ",");
    text.Append(arena, next->value());
  }
  return text.view();
}

// The port behind "192.0.2.1:80" or "[2001:db8::1]:80".
Value PortOf(std::string_view address) {
  const size_t colon = address.rfind(':');
  int64_t port = 0;
  if (colon == std::string_view::npos) return Missing();
  const std::string_view digits = address.substr(colon + 1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return read.ec == std::errc() && read.ptr == digits.data() + digits.size() ? Value::Int(port) : Missing();
}

Value FirstOf(const std::vector<std::string>& texts) { return texts.empty() ? Missing() : TextOrMissing(texts.front()); }

Value FirstNameOf(tls::CertificateFacts& certificate, identity::NameType type) {
  for (const identity::SubjectName& name : certificate.names()) {
    if (name.type == type) return TextOrMissing(name.text);
  }
  return Missing();
}

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
      return Noted(kSpace, "cost", Kind::kInt);
    case Attribute::kRequestPriority:
      return Noted(kSpace, "priority", Kind::kInt);
    case Attribute::kContextTenant:
      return Noted(kContextSpace, "tenant", Kind::kString);
    case Attribute::kContextRequestId:
      return Noted(kContextSpace, "request_id", Kind::kString);
    case Attribute::kContextFlags:
      return Noted(kContextSpace, "biz_flags", Kind::kInt);
    case Attribute::kContextPaymentPath:
      return Noted(kContextSpace, "payment_path", Kind::kBool);
    case Attribute::kContextRealNameCheck:
      return Noted(kContextSpace, "real_name_check", Kind::kBool);
    case Attribute::kContextTimeLeft:
      return Noted(kContextSpace, "time_left_ms", Kind::kDuration);
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
  if (which <= Attribute::kRequestDuration) return OfRequest(which);
  if (which <= Attribute::kResponseTotalSize || which >= Attribute::kUpstreamAddress) return OfResponse(which);
  return OfConnection(which);
}

Value RequestAttributes::OfRequest(Attribute which) const {
  const http::RequestHead& head = stream_.request();
  switch (which) {
    case Attribute::kRequestPath:
      return TextOrMissing(head.path);
    case Attribute::kRequestUrlPath:
      return TextOrMissing(http::WithoutQuery(head.path));
    case Attribute::kRequestQuery:
      return Value::String(http::QueryOf(head.path));
    case Attribute::kRequestHost:
      return TextOrMissing(head.authority);
    case Attribute::kRequestScheme:
      return TextOrMissing(head.scheme);
    case Attribute::kRequestMethod:
      return TextOrMissing(head.method);
    case Attribute::kRequestReferer:
      return TextOrMissing(head.headers.Get(http::HeaderId::kReferer));
    case Attribute::kRequestUserAgent:
      return TextOrMissing(head.headers.Get(http::HeaderId::kUserAgent));
    case Attribute::kRequestId:
      return TextOrMissing(head.headers.Get(http::HeaderId::kXRequestId));
    case Attribute::kRequestProtocol:
      return Value::String(http::VersionName(head.version));
    case Attribute::kRequestSize:
      if (head.content_length != http::kNoContentLength) return Value::Int(head.content_length);
      return Count(record().bytes_received);
    case Attribute::kRequestTime:
      return Value::Timestamp(record().start_time);
    case Attribute::kRequestTotalSize:
      return Count(record().downstream_wire_bytes_received);
    case Attribute::kRequestDuration: {
      using telemetry::TimePoint;
      return Value::Duration(record().at(TimePoint::kEnd) - record().at(TimePoint::kDownstreamRxBegin));
    }
    default:
      return Missing();
  }
}

Value RequestAttributes::OfResponse(Attribute which) const {
  const telemetry::RequestRecord& known = record();
  switch (which) {
    case Attribute::kResponseCode:
      return known.response_code == 0 ? Missing() : Count(known.response_code);
    case Attribute::kResponseCodeDetails:
      return TextOrMissing(known.response_code_details);
    case Attribute::kResponseGrpcStatus: {
      for (const Attribute fields : {Attribute::kResponseTrailers, Attribute::kResponseHeaders}) {
        const http::HeaderMap* map = FieldsOf(fields);
        const http::HeaderField* field = map == nullptr ? nullptr : map->Find("grpc-status");
        if (field == nullptr) continue;
        const std::string_view text = field->value();
        int64_t status = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), status);
        return read.ec == std::errc() && read.ptr == text.data() + text.size() ? Value::Int(status) : Missing();
      }
      return Missing();
    }
    case Attribute::kResponseSize:
      return Count(known.bytes_sent);
    case Attribute::kResponseTotalSize:
      return Count(known.downstream_wire_bytes_sent);
    case Attribute::kUpstreamAddress:
      return TextOrMissing(known.upstream_remote_address);
    case Attribute::kUpstreamPort:
      return PortOf(known.upstream_remote_address);
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
      return PortOf(stream_.downstream_remote_address());
    case Attribute::kDestinationAddress:
      return TextOrMissing(record().downstream_local_address);
    case Attribute::kDestinationPort:
      return PortOf(record().downstream_local_address);
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

Value RequestAttributes::OfTls(Attribute which) const {
  tls::Facts* const facts = record().downstream_tls;
  if (facts == nullptr) return Missing();
  if (which == Attribute::kConnectionTlsVersion) return TextOrMissing(facts->version());
  const bool of_peer = which == Attribute::kConnectionDigestPeer;
  tls::CertificateFacts* const certificate = of_peer ? facts->peer() : facts->local();
  if (certificate == nullptr) return Missing();
  switch (which) {
    case Attribute::kConnectionDigestPeer:
      return TextOrMissing(certificate->sha256());
    case Attribute::kConnectionSubjectLocal:
      return TextOrMissing(certificate->subject());
    case Attribute::kConnectionUriLocal:
      return FirstNameOf(*certificate, identity::NameType::kUri);
    case Attribute::kConnectionDnsLocal:
      return FirstNameOf(*certificate, identity::NameType::kDns);
    default:
      return Missing();
  }
}

Value RequestAttributes::Noted(std::string_view space, std::string_view key, Kind kind) const {
  using From = metadata::Value::Kind;
  const metadata::Annotations* const notes = access().notes;
  const metadata::Value* value = notes == nullptr ? nullptr : notes->metadata.Find(space, key);
  if (value == nullptr) return Missing();
  if (kind == Kind::kString) return value->kind == From::kText ? Value::String(value->text) : Missing();
  if (kind == Kind::kBool) return value->kind == From::kFlag ? Value::Bool(value->flag) : Missing();
  // What a double holds, and an int too.
  constexpr double kMost = 1e15;
  if (value->kind != From::kNumber || !(value->number > -kMost && value->number < kMost)) return Missing();
  if (kind == Kind::kInt) return Value::Int(static_cast<int64_t>(value->number));
  constexpr double kNanosInMillisecond = 1e6;
  constexpr double kLongest = 9e12;  // milliseconds
  const double milliseconds = std::clamp(value->number, -kLongest, kLongest);
  return Value::Duration(base::Duration(static_cast<int64_t>(milliseconds * kNanosInMillisecond)));
}

const metadata::Value* RequestAttributes::NotedBaggage() const {
  const metadata::Annotations* const notes = access().notes;
  const metadata::Value* value = notes == nullptr ? nullptr : notes->metadata.Find(kContextSpace, "baggage");
  return value != nullptr && value->kind == metadata::Value::Kind::kObject ? value : nullptr;
}

const http::HeaderMap* RequestAttributes::FieldsOf(Attribute map) const {
  if (map == Attribute::kResponseHeaders) return stream_.response() == nullptr ? nullptr : &stream_.response()->headers;
  if (map == Attribute::kResponseTrailers) return record().response_trailers;
  return &stream_.request().headers;
}

Value RequestAttributes::FindField(Attribute map, const Key& key, base::Arena& arena) const {
  const http::HeaderMap* const fields = FieldsOf(map);
  if (fields == nullptr) return Missing();
  Key wanted = key;
  if (key.id == http::HeaderId::kUnknown && HasUpperCase(key.text)) {
    char* const lower = static_cast<char*>(arena.Allocate(key.text.size(), 1));
    http::CopyLowerCase(key.text, lower);
    wanted.text = {lower, key.text.size()};
    wanted.id = http::FindHeaderId(wanted.text);
  }
  const bool known = wanted.id != http::HeaderId::kUnknown;
  const http::HeaderField* const first = known ? fields->Find(wanted.id) : fields->Find(wanted.text);
  if (first != nullptr) return Value::String(Joined(first, fields->end(), arena));
  if (map != Attribute::kRequestHeaders) return NoSuchKey();
  const std::optional<std::string_view> part = PartOf(stream_.request(), wanted.text);
  return part && !part->empty() ? Value::String(*part) : NoSuchKey();
}

Value RequestAttributes::FindMetadata(Attribute map, std::string_view space, base::Arena& arena) const {
  if (map == Attribute::kMetadata) {
    const metadata::Annotations* const notes = access().notes;
    if (notes == nullptr || !notes->metadata.Has(space)) return NoSuchKey();
    size_t count = 0;
    notes->metadata.ForEach(space, [&count](std::string_view, const metadata::Value&) { ++count; });
    auto* entry = static_cast<MapEntry*>(arena.Allocate(count * sizeof(MapEntry), alignof(MapEntry)));
    const std::span<const MapEntry> entries(entry, count);
    notes->metadata.ForEach(space, [&](std::string_view key, const metadata::Value& value) {
      *entry++ = {Value::String(key), Converted(value, arena)};
    });
    return Value::Map(entries);
  }
  const metadata::Value* const all = map == Attribute::kRouteMetadata ? access().route_metadata : record().cluster_metadata;
  const metadata::Value* const found = all == nullptr ? nullptr : metadata::Find(*all, space);
  return found == nullptr ? NoSuchKey() : Converted(*found, arena);
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
  const auto room_for = [&arena](size_t count) {
    return static_cast<Value*>(arena.Allocate(count * sizeof(Value), alignof(Value)));
  };
  if (map == Attribute::kContextBaggage) {
    const metadata::Value* const baggage = NotedBaggage();
    if (baggage == nullptr) return Missing();
    Value* const keys = room_for(baggage->size);
    for (uint32_t i = 0; i < baggage->size; ++i) keys[i] = Value::String(baggage->members[i].key);
    return Value::List({keys, baggage->size});
  }
  const bool of_fields =
      map == Attribute::kRequestHeaders || map == Attribute::kResponseHeaders || map == Attribute::kResponseTrailers;
  if (!of_fields) return Value::Error(ErrorCode::kNoSuchOverload);
  const http::HeaderMap* const fields = FieldsOf(map);
  if (fields == nullptr) return Missing();
  if (fields->size() > kMostKeys) return Value::Error(ErrorCode::kTooLarge);
  Value* const keys = room_for(fields->size());
  size_t count = 0;
  for (const http::HeaderField& field : *fields) {
    const auto same = [&field](const http::HeaderField& other) { return IsSame(field, other); };
    if (std::find_if(fields->begin(), &field, same) == &field) keys[count++] = Value::String(field.name());
  }
  return Value::List({keys, count});
}

}  // namespace pillion::filter
