#pragma once

// Whether a certificate has a name that somebody asks for. Names are matched by their kind: what looks like a URI in a
// DNS name or in the subject is no URI.

#include <string>
#include <vector>

#include "source/identity/certificate.h"
#include "source/match/string_matcher.h"

namespace pillion::identity {

class SanMatcher {
 public:
  // `oid`: of which other name; in dotted form. `exact_dns`: the text of an exact matcher for DNS names, which a wildcard
  // of the certificate (RFC 6125: the whole first label) may stand for.
  SanMatcher(NameType type, match::StringMatcher matcher, std::string oid = "", std::string exact_dns = "");

  bool Matches(const SubjectName& name) const;
  // What it asks for, for who reads it: URI begins with "spiffe://td.test/".
  std::string Text() const;

 private:
  NameType type_;
  match::StringMatcher matcher_;
  std::string oid_;
  std::string exact_dns_;  // in lower case
};

bool AnyMatches(const std::vector<SanMatcher>& matchers, const std::vector<SubjectName>& names);

}  // namespace pillion::identity
