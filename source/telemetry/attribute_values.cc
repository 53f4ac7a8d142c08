#include "source/telemetry/attribute_values.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "source/http/parameters.h"
#include "source/http/syntax.h"
#include "source/telemetry/log_fields.h"
#include "source/telemetry/node_facts.h"
#include "source/telemetry/request_record.h"
#include "source/tls/facts.h"

namespace pillion::telemetry {
namespace {

using expression::Attribute;
using expression::ErrorCode;
using expression::Key;
using expression::Kind;
using expression::MapEntry;
using expression::Value;

constexpr std::string_view kRequestSpace = "pillion.request";
constexpr std::string_view kContextSpace = "pillion.context";
constexpr int kMostDepth = 32;       // of metadata
constexpr size_t kMostKeys = 1'000;  // that are gone through

Value Missing() { return expression::Attributes::Missing(); }
Value NoSuchKey() { return Value::Error(ErrorCode::kNoSuchKey); }

// The name of a part of the model, as of a field.
std::optional<std::string_view> PartOf(const http::RequestHead& head, std::string_view name) {
  if (name == ":method") return head.method;
  if (name == ":path") return head.path;
  if (name == ":scheme") return head.scheme;
  if (name == ":authority" || name == "host") return head.authority;
  return std::nullopt;
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

// Fields are found by their names in lower case.
Key InLowerCase(const Key& key, base::Arena& arena) {
  if (key.is_field_name || key.id != http::HeaderId::kUnknown) [[likely]] return key;
  if (!http::HasUpperCase(key.text)) return Key::Of(key.text);
  char* const lower = static_cast<char*>(arena.Allocate(key.text.size(), 1));
  http::CopyLowerCase(key.text, lower);
  return Key::Of({lower, key.text.size()});
}

Value FindLower(const http::HeaderMap& fields, const Key& wanted, base::Arena& arena) {
  const bool known = wanted.id != http::HeaderId::kUnknown;
  const http::HeaderField* const first = known ? fields.Find(wanted.id) : fields.FindOther(wanted.text);
  return first == nullptr ? NoSuchKey() : Value::String(Joined(first, fields.end(), arena));
}

Value FirstNameOf(tls::CertificateFacts& certificate, identity::NameType type) {
  for (const identity::SubjectName& name : certificate.names()) {
    if (name.type == type) return TextOrMissing(name.text);
  }
  return Missing();
}


Value Noted(const metadata::Annotations* notes, std::string_view space, std::string_view key, Kind kind) {
  using From = metadata::Value::Kind;
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

}  // namespace

Value RequestTotalSize(const RequestRecord& record) {
  const uint64_t fields = record.request == nullptr ? 0 : BytesOf(*record.request);
  return Value::Int(static_cast<int64_t>(record.bytes_received + fields));
}

Value ResponseTotalSize(const RequestRecord& record) {
  uint64_t size = record.bytes_sent;
  if (record.response != nullptr) size += BytesOf(*record.response);
  if (record.response_trailers != nullptr) size += BytesOf(*record.response_trailers);
  return Value::Int(static_cast<int64_t>(size));
}

Value TextOrMissing(std::string_view text) { return text.empty() ? Missing() : Value::String(text); }

Value OfHead(const http::RequestHead& head, Attribute which) {
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
    default:
      return Missing();
  }
}

Value PortOf(std::string_view address) {
  const size_t colon = address.rfind(':');
  int64_t port = 0;
  if (colon == std::string_view::npos || address.starts_with("envoy://")) return Missing();
  const std::string_view digits = address.substr(colon + 1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return read.ec == std::errc() && read.ptr == digits.data() + digits.size() ? Value::Int(port) : Missing();
}

Value GrpcStatusIn(const http::HeaderMap* trailers, const http::HeaderMap* headers) {
  for (const http::HeaderMap* const map : {trailers, headers}) {
    const http::HeaderField* const field = map == nullptr ? nullptr : map->Find(http::HeaderId::kGrpcStatus);
    if (field == nullptr) continue;
    const std::string_view text = field->value();
    int64_t status = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), status);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() ? Value::Int(status) : Missing();
  }
  return Missing();
}

Value FindField(const http::HeaderMap& fields, const Key& key, base::Arena& arena) {
  return FindLower(fields, InLowerCase(key, arena), arena);
}

Value FindField(const http::RequestHead& head, const Key& key, base::Arena& arena) {
  const Key wanted = InLowerCase(key, arena);
  const Value found = FindLower(head.headers, wanted, arena);
  if (!found.is_error()) return found;
  const std::optional<std::string_view> part = PartOf(head, wanted.text);
  return part && !part->empty() ? Value::String(*part) : NoSuchKey();
}

Value NamesOf(const http::HeaderMap& fields, base::Arena& arena) {
  if (fields.size() > kMostKeys) return Value::Error(ErrorCode::kTooLarge);
  auto* const keys = static_cast<Value*>(arena.Allocate(fields.size() * sizeof(Value), alignof(Value)));
  size_t count = 0;
  for (const http::HeaderField& field : fields) {
    const auto same = [&field](const http::HeaderField& other) { return IsSame(field, other); };
    if (std::find_if(fields.begin(), &field, same) == &field) keys[count++] = Value::String(field.name());
  }
  return Value::List({keys, count});
}

Value FromMetadata(const metadata::Value& from, base::Arena& arena, int depth) {
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
      for (uint32_t i = 0; i < from.size; ++i) items[i] = FromMetadata(from.members[i].value, arena, depth + 1);
      return Value::List({items, from.size});
    }
    case From::kObject: {
      auto* const entries = static_cast<MapEntry*>(arena.Allocate(from.size * sizeof(MapEntry), alignof(MapEntry)));
      for (uint32_t i = 0; i < from.size; ++i) {
        entries[i] = {Value::String(from.members[i].key), FromMetadata(from.members[i].value, arena, depth + 1)};
      }
      return Value::Map({entries, from.size});
    }
  }
  return Value::Null();
}

Value NotedIn(const metadata::Annotations* notes, std::string_view space, base::Arena& arena) {
  if (notes == nullptr || !notes->metadata.Has(space)) return NoSuchKey();
  size_t count = 0;
  notes->metadata.ForEach(space, [&count](std::string_view, const metadata::Value&) { ++count; });
  auto* entry = static_cast<MapEntry*>(arena.Allocate(count * sizeof(MapEntry), alignof(MapEntry)));
  const std::span<const MapEntry> entries(entry, count);
  notes->metadata.ForEach(space, [&](std::string_view key, const metadata::Value& value) {
    *entry++ = {Value::String(key), FromMetadata(value, arena)};
  });
  return Value::Map(entries);
}

Value OfContext(const metadata::Annotations* notes, Attribute which) {
  switch (which) {
    case Attribute::kRequestCost:
      return Noted(notes, kRequestSpace, "cost", Kind::kInt);
    case Attribute::kRequestPriority:
      return Noted(notes, kRequestSpace, "priority", Kind::kInt);
    case Attribute::kContextTenant:
      return Noted(notes, kContextSpace, "tenant", Kind::kString);
    case Attribute::kContextRequestId:
      return Noted(notes, kContextSpace, "request_id", Kind::kString);
    case Attribute::kContextFlags:
      return Noted(notes, kContextSpace, "biz_flags", Kind::kInt);
    case Attribute::kContextPaymentPath:
      return Noted(notes, kContextSpace, "payment_path", Kind::kBool);
    case Attribute::kContextRealNameCheck:
      return Noted(notes, kContextSpace, "real_name_check", Kind::kBool);
    case Attribute::kContextTimeLeft:
      return Noted(notes, kContextSpace, "time_left_ms", Kind::kDuration);
    default:
      return Missing();
  }
}

const metadata::Value* BaggageIn(const metadata::Annotations* notes) {
  const metadata::Value* const value = notes == nullptr ? nullptr : notes->metadata.Find(kContextSpace, "baggage");
  return value != nullptr && value->kind == metadata::Value::Kind::kObject ? value : nullptr;
}

Value NamesOf(const metadata::Value& object, base::Arena& arena) {
  auto* const keys = static_cast<Value*>(arena.Allocate(object.size * sizeof(Value), alignof(Value)));
  for (uint32_t i = 0; i < object.size; ++i) keys[i] = Value::String(object.members[i].key);
  return Value::List({keys, object.size});
}

namespace {

// Null: there is none.
const metadata::Value* ConfiguredMap(const RequestRecord& record, Attribute map) {
  switch (map) {
    case Attribute::kRouteMetadata:
      return record.route_metadata;
    case Attribute::kClusterMetadata:
      return record.cluster_metadata;
    case Attribute::kUpstreamHostMetadata:
      return record.upstream_metadata;
    case Attribute::kUpstreamLocalityMetadata:
      return record.upstream_locality_metadata;
    case Attribute::kVirtualHostMetadata:
      return record.virtual_host_metadata;
    case Attribute::kListenerMetadata:
      return record.listener_metadata;
    case Attribute::kNodeMetadata:
      return record.node == nullptr ? nullptr : record.node->metadata;
    default:
      return nullptr;
  }
}

}  // namespace

Value OfSurroundings(const RequestRecord& record, Attribute which) {
  const auto of_node = [&record](std::string NodeFacts::*text) {
    return record.node == nullptr ? Missing() : TextOrMissing(record.node->*text);
  };
  switch (which) {
    case Attribute::kResponseFlags:
      return Value::Int(static_cast<int64_t>(EnvoyBits(record.response_flags)));
    case Attribute::kUpstreamRegion:
      return TextOrMissing(record.upstream_region);
    case Attribute::kUpstreamZone:
      return TextOrMissing(record.upstream_zone);
    case Attribute::kUpstreamSubZone:
      return TextOrMissing(record.upstream_sub_zone);
    case Attribute::kVirtualHostName:
      return TextOrMissing(record.virtual_host_name);
    case Attribute::kListenerDirection:
      return Value::Int(record.listener_direction);
    case Attribute::kNodeId:
      return of_node(&NodeFacts::id);
    case Attribute::kNodeCluster:
      return of_node(&NodeFacts::cluster);
    case Attribute::kNodeRegion:
      return of_node(&NodeFacts::region);
    case Attribute::kNodeZone:
      return of_node(&NodeFacts::zone);
    case Attribute::kNodeSubZone:
      return of_node(&NodeFacts::sub_zone);
    default:
      return ConfiguredMap(record, which) == nullptr ? Missing() : Value::Bool(true);
  }
}

Value FindConfigured(const RequestRecord& record, Attribute map, std::string_view name, base::Arena& arena) {
  const metadata::Value* const all = ConfiguredMap(record, map);
  const metadata::Value* const found = all == nullptr ? nullptr : metadata::Find(*all, name);
  return found == nullptr ? Value::Error(expression::ErrorCode::kNoSuchKey) : FromMetadata(*found, arena);
}

Value OfTls(tls::Facts* facts, Attribute which) {
  if (facts == nullptr) return Missing();
  if (which == Attribute::kConnectionTlsVersion) return TextOrMissing(facts->version());
  const bool of_local = which == Attribute::kConnectionSubjectLocal || which == Attribute::kConnectionUriLocal ||
                        which == Attribute::kConnectionDnsLocal;
  tls::CertificateFacts* const certificate = of_local ? facts->local() : facts->peer();
  if (certificate == nullptr) return Missing();
  switch (which) {
    case Attribute::kConnectionDigestPeer:
      return TextOrMissing(certificate->sha256());
    case Attribute::kConnectionSubjectLocal:
    case Attribute::kConnectionSubjectPeer:
      return TextOrMissing(certificate->subject());
    case Attribute::kConnectionUriLocal:
    case Attribute::kConnectionUriPeer:
      return FirstNameOf(*certificate, identity::NameType::kUri);
    case Attribute::kConnectionDnsLocal:
    case Attribute::kConnectionDnsPeer:
      return FirstNameOf(*certificate, identity::NameType::kDns);
    default:
      return Missing();
  }
}

}  // namespace pillion::telemetry
