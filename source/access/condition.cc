#include "source/access/condition.h"

#include <algorithm>
#include <charconv>

#include "source/base/escape.h"
#include "source/expression/evaluator.h"
#include "source/http/parameters.h"

namespace pillion::access {
namespace {

constexpr Truth ToTruth(bool holds) { return holds ? Truth::kYes : Truth::kNo; }

// A part of a path is not what upstream gets to see as one.
std::string_view PathOf(const http::RequestHead& head) {
  const std::string_view path = http::WithoutQuery(head.path);
  return path.substr(0, path.find('#'));
}

std::string WithoutParameters(std::string_view path) {
  std::string text;
  bool parameter = false;
  for (const char c : path) {
    parameter = c != '/' && (parameter || c == ';');
    if (!parameter) text += c;
  }
  return text;
}

const metadata::Value* FindOfRoute(const match::MetadataMatcher& matcher, const metadata::Value& route) {
  const metadata::Value* found = metadata::Find(route, matcher.space);
  for (size_t i = 0; i < matcher.path.size() && found != nullptr; ++i) found = metadata::Find(*found, matcher.path[i]);
  return found;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const size_t length = base::Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Truth TextTest::Of(std::string_view text) const {
  if (matcher.Matches(text)) return Truth::kYes;
  return regex && !IsUtf8(text) ? Truth::kUnclear : Truth::kNo;
}

std::string_view TextOf(Input input, const Request& request, std::span<char, 8> scratch) {
  const ConnectionFacts& facts = request.connection;
  const auto number = [&](const End& end) {
    if (!end.address) return std::string_view();
    return std::string_view(scratch.data(), std::to_chars(scratch.data(), scratch.data() + scratch.size(), end.port).ptr);
  };
  switch (input) {
    case Input::kPath:
      return request.head == nullptr ? std::string_view() : PathOf(*request.head);
    case Input::kServerName:
    case Input::kServerNameIfAny:
      return request.server_name.value_or(facts.server_name);
    case Input::kUris:
      return facts.peer ? std::string_view(facts.peer->all_uris) : std::string_view();
    case Input::kDns:
      return facts.peer ? std::string_view(facts.peer->all_dns) : std::string_view();
    case Input::kSubject:
      return facts.peer ? std::string_view(facts.peer->subject) : std::string_view();
    case Input::kDestinationIp:
      return facts.local.ip;
    case Input::kDestinationPort:
      return number(facts.local);
    case Input::kSourceIp:
      return request.client_ip.empty() ? std::string_view(facts.remote.ip) : request.client_ip;
    case Input::kDirectSourceIp:
      return facts.direct_remote.ip;
    case Input::kSourcePort:
      return number(facts.remote);
    case Input::kSourceType:
      return facts.local_source ? std::string_view("local") : std::string_view();
    case Input::kTransportProtocol:
      return facts.transport_protocol;
    case Input::kApplicationProtocols:
      return facts.application_protocols;
  }
  return {};
}

Truth Conditions::Of(Index index, const Request& request) const {
  const Node& node = nodes_[index];
  switch (node.kind) {
    case Kind::kAll:
      return OfParts(index, true, request);
    case Kind::kAny:
      return OfParts(index, false, request);
    case Kind::kNot:
      return Not(Of(index + 1, request));
    case Kind::kTrue:
      return Truth::kYes;
    case Kind::kText:
      return OfText(texts_[node.index], request);
    case Kind::kHeaderText:
      return OfHeaderText(header_texts_[node.index], request);
    case Kind::kHeader:
      return OfHeader(headers_[node.index], request);
    case Kind::kAddress:
      return OfAddress(ranges_[node.index], request);
    case Kind::kPort: {
      const access::End& local = request.connection.local;
      return ToTruth(local.address && local.port >= ports_[node.index].begin && local.port < ports_[node.index].end);
    }
    case Kind::kMetadata:
      return OfMetadata(metadata_[node.index], request);
    case Kind::kFilterState:
      return OfFilterState(states_[node.index], request);
    case Kind::kAuthenticated:
      return ToTruth(request.connection.peer.has_value());
    case Kind::kPrincipal:
      return OfPrincipal(principals_[node.index], request);
    case Kind::kExpression:
      return OfExpression(*expressions_[node.index], request);
  }
  return Truth::kUnclear;
}

bool Conditions::AreOfConnection(Index begin, Index end) const {
  return std::all_of(nodes_.begin() + begin, nodes_.begin() + end, [this](const Node& node) {
    switch (node.kind) {
      case Kind::kText:
        return access::IsOfConnection(texts_[node.index].input);
      case Kind::kAddress:
        return ranges_[node.index].of != AddressOf::kRequester;
      case Kind::kHeaderText:
      case Kind::kHeader:
      case Kind::kMetadata:
      case Kind::kFilterState:
      case Kind::kExpression:
        return false;
      case Kind::kAll:
      case Kind::kAny:
      case Kind::kNot:
      case Kind::kTrue:
      case Kind::kPort:
      case Kind::kAuthenticated:
      case Kind::kPrincipal:
        return true;
    }
    return false;
  });
}

Truth Conditions::OfParts(Index index, bool all, const Request& request) const {
  const Truth last = all ? Truth::kNo : Truth::kYes;  // that nothing further changes
  Truth truth = Not(last);
  for (Index part = index + 1; part < nodes_[index].end; part = nodes_[part].end) {
    const Truth one = Of(part, request);
    truth = all ? std::min(truth, one) : std::max(truth, one);
    if (truth == last) break;
  }
  return truth;
}

Truth Conditions::OfText(const Text& text, const Request& request) {
  char scratch[8];
  const std::string_view value = TextOf(text.input, request, scratch);
  if (text.input == Input::kPath && (request.head == nullptr || request.head->path.empty())) return Truth::kNo;
  if (value.empty() && MayBeMissing(text.input)) return Truth::kNo;
  const Truth truth = text.test.Of(value);
  if (text.input != Input::kPath || !request.without_parameters || value.find(';') == value.npos) return truth;
  // Whether the upstream looks at them as well nobody knows here.
  return text.test.Of(WithoutParameters(value)) == truth ? truth : Truth::kUnclear;
}

// Where one of several values is what is asked for, but not their list, it is unclear what the upstream will take.
Truth Conditions::OfHeaderText(const HeaderText& text, const Request& request) {
  if (request.head == nullptr) return Truth::kNo;
  const std::optional<std::string_view> value = text.name.All(*request.head);
  if (!value) return Truth::kNo;
  const Truth truth = text.test.Of(*value);
  if (truth != Truth::kNo) return truth;
  for (const http::HeaderField& field : request.head->headers) {
    if (text.name.Is(field) && text.test.Of(field.value()) != Truth::kNo) return Truth::kUnclear;
  }
  return Truth::kNo;
}

Truth Conditions::OfHeader(const Header& header, const Request& request) {
  if (request.head == nullptr) return ToTruth(header.matcher.MatchesMissing());
  if (header.regex) {
    const std::optional<std::string_view> value = header.matcher.name().All(*request.head);
    if (value && !IsUtf8(*value)) return Truth::kUnclear;
  }
  // As of OfHeaderText().
  return header.matcher.IsDivided(*request.head) ? Truth::kUnclear : ToTruth(header.matcher.Matches(*request.head));
}

Truth Conditions::OfAddress(const Address& address, const Request& request) {
  const ConnectionFacts& facts = request.connection;
  const auto in_range = [&](const std::optional<match::IpAddress>& ip) {
    return ToTruth(ip && address.range.Contains(*ip));
  };
  switch (address.of) {
    case AddressOf::kDestination:
      return in_range(facts.local.address);
    case AddressOf::kConnection:
      return in_range(facts.remote.address);
    case AddressOf::kPeer:
      return in_range(facts.direct_remote.address);
    case AddressOf::kRequester:
      break;
  }
  return in_range(request.client_ip.empty() ? facts.remote.address : match::IpAddress::Parse(request.client_ip));
}

Truth Conditions::OfMetadata(const Metadata& metadata, const Request& request) {
  const metadata::Value* found = nullptr;
  if (metadata.of_route) {
    if (request.route_metadata != nullptr) found = FindOfRoute(metadata.matcher, *request.route_metadata);
  } else if (request.notes != nullptr) {
    found = metadata.matcher.Find(request.notes->metadata);
  }
  if (found != nullptr && found->kind == metadata::Value::Kind::kText && !IsUtf8(found->text)) return Truth::kUnclear;
  return ToTruth(metadata.matcher.Matches(found));
}

Truth Conditions::OfFilterState(const match::StateMatcher& state, const Request& request) {
  if (request.notes == nullptr) return Truth::kNo;
  const metadata::FilterState::Object* const object = request.notes->filter_state.Find(state.name);
  if (object == nullptr) return Truth::kNo;
  if (state.text.Matches(object->text)) return Truth::kYes;
  return IsUtf8(object->text) ? Truth::kNo : Truth::kUnclear;
}

Truth Conditions::OfPrincipal(const TextTest& test, const Request& request) {
  if (!request.connection.peer) return Truth::kNo;
  const Peer& peer = *request.connection.peer;
  Truth truth = test.Of(peer.subject);
  for (const std::vector<std::string>* names : {&peer.uris, &peer.dns}) {
    for (const std::string& name : *names) {
      if (truth == Truth::kYes) return truth;
      truth = std::max(truth, test.Of(name));
    }
  }
  return truth;
}

// What a request lacks makes an expression fail, and then it does not hold, as in Envoy. What a request can bring about (so
// many fields that the bounds are met, bytes that are no text) makes it unclear: else it would get past a DENY.
Truth Conditions::OfExpression(const expression::Program& program, const Request& request) {
  if (request.attributes == nullptr || request.arena == nullptr) return Truth::kUnclear;
  const expression::Value value = expression::Evaluate(program, *request.attributes, *request.arena);
  if (!value.is_error()) return ToTruth(value.is_true());
  switch (value.error()) {
    case expression::ErrorCode::kTooLarge:
    case expression::ErrorCode::kTooLong:
    case expression::ErrorCode::kBadUtf8:
      return Truth::kUnclear;
    default:
      return Truth::kNo;
  }
}

}  // namespace pillion::access
