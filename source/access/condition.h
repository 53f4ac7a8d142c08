#pragma once

// Conditions on a request: tests, and what is made of them by all, any and not.
//
// A test may be unclear: a regular expression that is asked of bytes that are no text, an expression that comes to one of
// its bounds. What is unclear stays so when it is negated; whoever decides takes it for what denies. Immutable once built;
// any thread; nothing is allocated to hold one.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/access/request.h"
#include "source/expression/program.h"
#include "source/match/header_matcher.h"
#include "source/match/ip_range.h"
#include "source/match/string_matcher.h"
#include "source/match/value_matcher.h"

namespace pillion::access {

enum class Truth : uint8_t { kNo, kUnclear, kYes };

constexpr Truth Not(Truth truth) { return static_cast<Truth>(2 - static_cast<int>(truth)); }

bool IsUtf8(std::string_view text);

// A text that is asked for.
struct TextTest {
  match::StringMatcher matcher;
  bool regex = false;  // bytes that are no UTF-8 are unclear to it

  Truth Of(std::string_view text) const;
};

// What of a request is a text. All but the first two may be missing: then they are empty, and no test holds.
enum class Input : uint8_t {
  kPath,        // without its query; empty where there is no request
  kServerName,  // empty: none was asked for
  kUris,        // of the peer's certificate, all joined by commas
  kDns,
  kSubject,
  kServerNameIfAny,
  kDestinationIp,
  kDestinationPort,
  kSourceIp,        // of the requester
  kDirectSourceIp,  // of the peer itself
  kSourcePort,
  kSourceType,            // "local": from this machine
  kTransportProtocol,     // "raw_buffer", or "tls" where somebody has looked
  kApplicationProtocols,  // as ConnectionFacts has them
};
// Lives as long as the request, or `scratch`.
std::string_view TextOf(Input input, const Request& request, std::span<char, 8> scratch);
constexpr bool MayBeMissing(Input input) { return input > Input::kServerName; }
// The same for all requests of a connection.
constexpr bool IsOfConnection(Input input) { return input != Input::kPath && input != Input::kSourceIp; }

enum class AddressOf : uint8_t { kDestination, kConnection, kPeer, kRequester };

// All conditions of one set of rules, in one piece of memory.
class Conditions {
 public:
  using Index = uint32_t;

  // Building. What All(), Any() and Not() begin is ended by End(), and what is added between is its parts.
  Index next() const { return static_cast<Index>(nodes_.size()); }
  Index Begin(bool all) { return Add(all ? Kind::kAll : Kind::kAny, 0); }
  Index BeginNot() { return Add(Kind::kNot, 0); }
  void End(Index begun) { nodes_[begun].end = next(); }
  void AddTrue() { Add(Kind::kTrue, 0); }
  void AddText(Input input, TextTest test) { AddTo(texts_, Kind::kText, {input, std::move(test)}); }
  // One of the values of the field, or all joined by commas.
  void AddHeaderText(http::FieldName name, TextTest test) {
    AddTo(header_texts_, Kind::kHeaderText, {std::move(name), std::move(test)});
  }
  // `regex`: it asks a regular expression.
  void AddHeader(match::HeaderMatcher matcher, bool regex) { AddTo(headers_, Kind::kHeader, {std::move(matcher), regex}); }
  void AddAddress(AddressOf of, match::IpRange range) { AddTo(ranges_, Kind::kAddress, {of, range}); }
  // From `begin` to below `end`.
  void AddDestinationPort(int64_t begin, int64_t end) { AddTo(ports_, Kind::kPort, {begin, end}); }
  void AddMetadata(match::MetadataMatcher matcher, bool of_route) {
    AddTo(metadata_, Kind::kMetadata, {std::move(matcher), of_route});
  }
  void AddFilterState(match::StateMatcher matcher) { AddTo(states_, Kind::kFilterState, std::move(matcher)); }
  void AddAuthenticated() { Add(Kind::kAuthenticated, 0); }
  void AddPrincipal(TextTest test) { AddTo(principals_, Kind::kPrincipal, std::move(test)); }
  // That it is true; one that fails does not hold.
  void AddExpression(std::shared_ptr<const expression::Program> program) {
    AddTo(expressions_, Kind::kExpression, std::move(program));
  }
  bool has_expressions() const { return !expressions_.empty(); }

  Truth Of(Index index, const Request& request) const;
  // The condition is the same for all requests of a connection.
  bool IsOfConnection(Index index) const { return AreOfConnection(index, nodes_[index].end); }
  bool AreOfConnection() const { return AreOfConnection(0, next()); }  // all of them

 private:
  enum class Kind : uint8_t {
    kAll,
    kAny,
    kNot,
    kTrue,
    kText,
    kHeaderText,
    kHeader,
    kAddress,
    kPort,
    kMetadata,
    kFilterState,
    kAuthenticated,
    kPrincipal,
    kExpression,
  };
  // In the order in which they were added: parts follow what they are parts of.
  struct Node {
    Kind kind;
    uint32_t index;  // in the list of its kind
    Index end;       // behind its parts
  };
  struct Text {
    Input input;
    TextTest test;
  };
  struct HeaderText {
    http::FieldName name;
    TextTest test;
  };
  struct Header {
    match::HeaderMatcher matcher;
    bool regex;
  };
  struct Address {
    AddressOf of;
    match::IpRange range;
  };
  struct Port {
    int64_t begin;
    int64_t end;
  };
  struct Metadata {
    match::MetadataMatcher matcher;
    bool of_route;
  };

  Index Add(Kind kind, size_t index) {
    nodes_.push_back({kind, static_cast<uint32_t>(index), next() + 1});
    return next() - 1;
  }
  template <typename List>
  void AddTo(List& list, Kind kind, typename List::value_type item) {
    Add(kind, list.size());
    list.push_back(std::move(item));
  }

  bool AreOfConnection(Index begin, Index end) const;
  Truth OfParts(Index index, bool all, const Request& request) const;
  static Truth OfText(const Text& text, const Request& request);
  static Truth OfHeaderText(const HeaderText& text, const Request& request);
  static Truth OfHeader(const Header& header, const Request& request);
  static Truth OfAddress(const Address& address, const Request& request);
  static Truth OfMetadata(const Metadata& metadata, const Request& request);
  static Truth OfFilterState(const match::StateMatcher& state, const Request& request);
  static Truth OfPrincipal(const TextTest& test, const Request& request);
  static Truth OfExpression(const expression::Program& program, const Request& request);

  std::vector<Node> nodes_;
  std::vector<Text> texts_;
  std::vector<HeaderText> header_texts_;
  std::vector<Header> headers_;
  std::vector<Address> ranges_;
  std::vector<Port> ports_;
  std::vector<Metadata> metadata_;
  std::vector<match::StateMatcher> states_;
  std::vector<TextTest> principals_;
  std::vector<std::shared_ptr<const expression::Program>> expressions_;
};

}  // namespace pillion::access
