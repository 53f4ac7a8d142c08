#include "source/identity/san_matcher.h"

#include <algorithm>
#include <utility>

#include "source/identity/text.h"

namespace pillion::identity {
namespace {

// `pattern` and `name` are in lower case.
bool DnsMatches(std::string_view pattern, std::string_view name) {
  if (pattern == name) return true;
  if (!pattern.starts_with("*.")) return false;
  pattern.remove_prefix(1);
  const size_t dot = name.find('.');
  // Not for a whole top-level domain.
  return dot != name.npos && dot > 0 && name.substr(dot) == pattern && pattern.find('.', 1) != pattern.npos;
}

}  // namespace

SanMatcher::SanMatcher(NameType type, match::StringMatcher matcher, std::string oid, std::string exact_dns)
    : type_(type),
      matcher_(std::move(matcher)),
      oid_(std::move(oid)),
      exact_dns_(Lowered(exact_dns)) {}

bool SanMatcher::Matches(const SubjectName& name) const {
  if (name.type != type_) return false;
  if (type_ == NameType::kOther && name.oid != oid_) return false;
  if (!exact_dns_.empty() && DnsMatches(Lowered(name.text), exact_dns_)) return true;
  return matcher_.Matches(name.text);
}

std::string SanMatcher::Text() const {
  constexpr std::string_view kTypes[] = {"email", "DNS", "URI", "IP", "other name"};  // in the order of NameType
  return Concat(kTypes[static_cast<size_t>(type_)], " ", matcher_.Text());
}

bool AnyMatches(const std::vector<SanMatcher>& matchers, const std::vector<SubjectName>& names) {
  return std::any_of(matchers.begin(), matchers.end(), [&](const SanMatcher& matcher) {
    return std::any_of(names.begin(), names.end(), [&](const SubjectName& name) { return matcher.Matches(name); });
  });
}

}  // namespace pillion::identity
