#pragma once

// Whether a request is of a kind: its path, and whatever else is asked of it; all must hold. A route's match, as the
// configuration has it. Immutable.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/rare.h"
#include "source/http/message.h"
#include "source/match/fraction.h"
#include "source/match/header_matcher.h"
#include "source/match/parameter_matcher.h"
#include "source/match/regex.h"
#include "source/match/value_matcher.h"

namespace pillion::match {

// A client's certificate: none, one that nobody has looked at, or one that somebody who is trusted vouches for.
enum class PeerCertificate : uint8_t { kNone, kPresented, kValidated };

// What is known of a request beside its head.
struct StreamFacts {
  const metadata::Annotations* notes = nullptr;  // of filters; may be null
  PeerCertificate certificate = PeerCertificate::kNone;
};

struct RequestMatcher {
  enum class Path : uint8_t {
    kPrefix,
    kExact,
    kSeparatedPrefix,  // followed by nothing or a slash
    kRegex,            // of the whole
  };

  Path kind = Path::kPrefix;
  std::string path;  // compared with the path without its query
  bool case_sensitive = true;
  std::optional<Regex> regex;  // of kRegex

  std::vector<HeaderMatcher> headers;
  std::vector<QueryMatcher> query_parameters;
  std::vector<CookieMatcher> cookies;
  // Of what filters have noted.
  std::vector<MetadataMatcher> metadata;
  std::vector<StateMatcher> filter_state;
  bool connect = false;  // CONNECT, which has no path; nothing else matches that
  bool grpc = false;  // content-type application/grpc
  base::Rare<RuntimeFraction> fraction;
  // Of the client's certificate.
  std::optional<bool> certificate_presented;
  std::optional<bool> certificate_validated;

  // `path` without its query.
  bool MatchesPath(std::string_view path) const;
  // All but the path. `random` is the request's.
  bool MatchesRest(const http::RequestHead& head, uint64_t random, const StreamFacts& facts = {}) const;

  bool Matches(const http::RequestHead& head, uint64_t random) const {
    return MatchesPath(http::WithoutQuery(head.path)) && MatchesRest(head, random);
  }

 private:
  bool MatchesNotes(const metadata::Annotations& notes) const;
};

}  // namespace pillion::match
