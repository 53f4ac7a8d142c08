#include "source/match/request_matcher.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::match {

bool RequestMatcher::MatchesPath(std::string_view whole) const {
  if (kind == Path::kRegex) return regex->Matches(whole);
  if (whole.size() < path.size()) return false;
  if (whole.size() > path.size()) {
    if (kind == Path::kExact) return false;
    if (kind == Path::kSeparatedPrefix && whole[path.size()] != '/') return false;
  }
  const std::string_view head = whole.substr(0, path.size());
  return case_sensitive ? head == path : http::EqualsIgnoreCase(head, path);
}

bool RequestMatcher::MatchesNotes(const metadata::Annotations& notes) const {
  return std::all_of(metadata.begin(), metadata.end(),
                     [&](const auto& asked) { return asked.Matches(asked.Find(notes.metadata)); }) &&
         std::all_of(filter_state.begin(), filter_state.end(),
                     [&](const auto& asked) { return asked.Matches(notes.filter_state); });
}

bool RequestMatcher::MatchesRest(const http::RequestHead& head, uint64_t random,
                                 const StreamFacts& facts) const {
  if (fraction && !fraction->Holds(random)) return false;
  const bool presented = facts.certificate != PeerCertificate::kNone;
  const bool validated = facts.certificate == PeerCertificate::kValidated;
  if (certificate_presented.value_or(presented) != presented) return false;
  if (certificate_validated.value_or(validated) != validated) return false;
  if (grpc && !http::IsGrpc(head.headers)) return false;
  if (!metadata.empty() || !filter_state.empty()) [[unlikely]] {
    static const metadata::Annotations kNone;  // by reference: what is noted later is noted in the stream's own
    if (!MatchesNotes(facts.notes == nullptr ? kNone : *facts.notes)) return false;
  }
  return std::all_of(headers.begin(), headers.end(), [&](const auto& header) { return header.Matches(head); }) &&
         std::all_of(query_parameters.begin(), query_parameters.end(),
                     [&](const auto& parameter) { return parameter.Matches(head.path); }) &&
         std::all_of(cookies.begin(), cookies.end(), [&](const auto& cookie) { return cookie.Matches(head.headers); });
}

}  // namespace pillion::match
