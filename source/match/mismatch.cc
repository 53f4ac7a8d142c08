#include "source/match/mismatch.h"

#include "source/base/escape.h"
#include "source/http/parameters.h"

namespace pillion::match {
namespace {

constexpr size_t kMost = 200;  // of a text that is shown

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  base::AppendPrintable(quoted, base::CutUtf8(text, kMost));
  return quoted += '"';
}

std::string Given(const std::optional<std::string_view>& text) { return text ? Quoted(*text) : "absent"; }

std::string_view CertificateText(PeerCertificate certificate) {
  switch (certificate) {
    case PeerCertificate::kNone:
      return "no certificate";
    case PeerCertificate::kPresented:
      return "a certificate that nobody has looked at";
    case PeerCertificate::kValidated:
      return "a certificate that is trusted";
  }
  return "";
}

std::string Dotted(const MetadataMatcher& matcher) {
  std::string text = matcher.space;
  for (const std::string& part : matcher.path) text += "." + part;
  return text;
}

std::optional<Mismatch> FindInNotes(const RequestMatcher& matcher, const metadata::Annotations& notes) {
  for (const MetadataMatcher& asked : matcher.metadata) {
    const metadata::Value* const found = asked.Find(notes.metadata);
    if (asked.Matches(found)) continue;
    return Mismatch{"metadata " + Dotted(asked), "another value", found == nullptr ? "absent" : "what filters noted"};
  }
  for (const StateMatcher& asked : matcher.filter_state) {
    if (asked.Matches(notes.filter_state)) continue;
    const metadata::FilterState::Object* const object = notes.filter_state.Find(asked.name);
    return Mismatch{"filter state " + asked.name, asked.text.Text(), object == nullptr ? "absent" : Quoted(object->text)};
  }
  return std::nullopt;
}

}  // namespace

std::string PathText(const RequestMatcher& matcher) {
  using Path = RequestMatcher::Path;
  if (matcher.connect) return "none: the request is a CONNECT";
  std::string text;
  switch (matcher.kind) {
    case Path::kPrefix:
      text = "begins with " + Quoted(matcher.path);
      break;
    case Path::kExact:
      text = Quoted(matcher.path);
      break;
    case Path::kSeparatedPrefix:
      text = Quoted(matcher.path) + " or below it";
      break;
    case Path::kRegex:
      return "matches " + Quoted(matcher.regex->pattern());
  }
  return matcher.case_sensitive ? text : text + " in any case";
}

std::optional<Mismatch> FindMismatch(const RequestMatcher& matcher, std::string_view path, const http::RequestHead& head,
                                     const StreamFacts& facts) {
  if (!matcher.MatchesPath(path)) return Mismatch{"path", PathText(matcher), Quoted(path)};
  const bool presented = facts.certificate != PeerCertificate::kNone;
  const bool validated = facts.certificate == PeerCertificate::kValidated;
  const std::string certificate(CertificateText(facts.certificate));
  if (matcher.certificate_presented.value_or(presented) != presented) {
    return Mismatch{"client certificate", presented ? "none" : "presented", certificate};
  }
  if (matcher.certificate_validated.value_or(validated) != validated) {
    return Mismatch{"client certificate", validated ? "not validated" : "validated", certificate};
  }
  if (matcher.grpc && !http::IsGrpc(head.headers)) {
    static const http::FieldName kContentType("content-type");
    return Mismatch{"header content-type", "\"application/grpc\", as gRPC has it", Given(kContentType.First(head))};
  }
  if (const metadata::Annotations none; auto found = FindInNotes(matcher, facts.notes == nullptr ? none : *facts.notes)) {
    return found;
  }
  for (const HeaderMatcher& asked : matcher.headers) {
    if (!asked.Matches(head)) return Mismatch{"header " + asked.name().text(), asked.Text(), Given(asked.name().All(head))};
  }
  for (const QueryMatcher& asked : matcher.query_parameters) {
    if (asked.Matches(head.path)) continue;
    return Mismatch{"query parameter " + asked.name(), asked.Text(),
                    Given(http::FindQueryParameter(head.path, asked.name()))};
  }
  for (const CookieMatcher& asked : matcher.cookies) {
    if (asked.Matches(head.headers)) continue;
    return Mismatch{"cookie " + asked.name(), asked.Text(), Given(http::FindCookie(head.headers, asked.name()))};
  }
  return std::nullopt;
}

}  // namespace pillion::match
