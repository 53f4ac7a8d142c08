// Matchers, and the kinds of requests that they make up.

#include "source/config/build.h"
#include "source/config/check_regexes.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::route::v3;
namespace matcher = envoy::type::matcher::v3;
using match::StringMatcher;

// A matcher in the place of one that is an error.
StringMatcher None() { return StringMatcher(StringMatcher::Kind::kExact, ""); }

// One pattern of the deprecated kind.
match::HeaderMatcher::Test BuildTest(BuildContext& context, const v3::HeaderMatcher& from, const std::string& path) {
  switch (from.header_match_specifier_case()) {
    case v3::HeaderMatcher::kExactMatch:
      // An empty text asks for presence only.
      if (from.exact_match().empty()) return match::Present{};
      return StringMatcher(StringMatcher::Kind::kExact, from.exact_match());
    case v3::HeaderMatcher::kPrefixMatch:
      return StringMatcher(StringMatcher::Kind::kPrefix, from.prefix_match());
    case v3::HeaderMatcher::kSuffixMatch:
      return StringMatcher(StringMatcher::Kind::kSuffix, from.suffix_match());
    case v3::HeaderMatcher::kContainsMatch:
      return StringMatcher(StringMatcher::Kind::kContains, from.contains_match());
    case v3::HeaderMatcher::kSafeRegexMatch: {
      const auto regex = BuildRegex(context, from.safe_regex_match(), FieldPath(path, "safe_regex_match"));
      return regex ? StringMatcher(*regex) : None();
    }
    case v3::HeaderMatcher::kStringMatch:
      return BuildStringMatcher(context, from.string_match(), FieldPath(path, "string_match"));
    case v3::HeaderMatcher::kRangeMatch:
      return match::Range{from.range_match().start(), from.range_match().end()};
    case v3::HeaderMatcher::kPresentMatch:
      return match::Present{from.present_match()};
    case v3::HeaderMatcher::HEADER_MATCH_SPECIFIER_NOT_SET:
      break;
  }
  return match::Present{};
}

void BuildPath(BuildContext& context, const v3::RouteMatch& from, const std::string& path,
               match::RequestMatcher& request) {
  using Path = match::RequestMatcher::Path;
  switch (from.path_specifier_case()) {
    case v3::RouteMatch::kPath:
      request.kind = Path::kExact;
      request.path = from.path();
      break;
    case v3::RouteMatch::kConnectMatcher:
      request.kind = Path::kExact;
      request.connect = true;
      break;
    case v3::RouteMatch::kSafeRegex:
      request.kind = Path::kRegex;
      request.regex = BuildRegex(context, from.safe_regex(), FieldPath(path, "safe_regex"));
      break;
    case v3::RouteMatch::kPathMatchPolicy:
      request.kind = Path::kRegex;
      if (const auto parsed = BuildUriTemplate(context, from.path_match_policy(), FieldPath(path, "path_match_policy"))) {
        request.regex = parsed->regex();
      }
      break;
    case v3::RouteMatch::kPathSeparatedPrefix: {
      request.kind = Path::kSeparatedPrefix;
      request.path = from.path_separated_prefix();
      const std::string& text = request.path;
      if (!text.empty() && (text[0] != '/' || text.back() == '/' || text.find_first_of("?#") != std::string::npos)) {
        context.errors.Add(FieldPath(path, "path_separated_prefix"),
                           Concat(Quote(text), ", expected a path that begins with '/', does not end with it, and has "
                                               "no '?' or '#'"));
      }
      break;
    }
    default:
      request.path = from.prefix();
  }
}

}  // namespace

std::optional<match::Regex> BuildRegex(BuildContext& context, const matcher::RegexMatcher& from,
                                       const std::string& path) {
  absl::StatusOr<match::Regex> regex = match::Regex::Compile(from.regex());
  if (regex.ok()) return *std::move(regex);
  context.errors.Add(FieldPath(path, "regex"), RegexError(from.regex(), regex.status()));
  return std::nullopt;
}

std::optional<match::RegexRewrite> BuildRegexRewrite(BuildContext& context,
                                                     const envoy::type::matcher::v3::RegexMatchAndSubstitute& from,
                                                     const std::string& path) {
  const std::optional<match::Regex> regex = BuildRegex(context, from.pattern(), FieldPath(path, "pattern"));
  if (!regex) return std::nullopt;
  absl::StatusOr<match::RegexRewrite> rewrite = match::RegexRewrite::Make(*regex, from.substitution());
  if (rewrite.ok()) return *std::move(rewrite);
  context.errors.Add(FieldPath(path, "substitution"),
                     Concat(Quote(from.substitution()), ": ", std::string(rewrite.status().message())));
  return std::nullopt;
}

StringMatcher BuildStringMatcher(BuildContext& context, const matcher::StringMatcher& from, const std::string& path) {
  const bool ignore_case = from.ignore_case();
  switch (from.match_pattern_case()) {
    case matcher::StringMatcher::kExact:
      return StringMatcher(StringMatcher::Kind::kExact, from.exact(), ignore_case);
    case matcher::StringMatcher::kPrefix:
      return StringMatcher(StringMatcher::Kind::kPrefix, from.prefix(), ignore_case);
    case matcher::StringMatcher::kSuffix:
      return StringMatcher(StringMatcher::Kind::kSuffix, from.suffix(), ignore_case);
    case matcher::StringMatcher::kContains:
      return StringMatcher(StringMatcher::Kind::kContains, from.contains(), ignore_case);
    case matcher::StringMatcher::kSafeRegex: {
      if (ignore_case) {
        context.errors.Add(FieldPath(path, "ignore_case"), "has no effect on safe_regex; write (?i) into that");
      }
      const auto regex = BuildRegex(context, from.safe_regex(), FieldPath(path, "safe_regex"));
      return regex ? StringMatcher(*regex) : None();
    }
    case matcher::StringMatcher::MATCH_PATTERN_NOT_SET:
      break;
  }
  return None();
}

match::HeaderMatcher BuildHeaderMatcher(BuildContext& context, const v3::HeaderMatcher& from,
                                        const std::string& path) {
  if (!from.name().empty() && !http::FieldName::IsFieldName(from.name())) {
    context.errors.Add(FieldPath(path, "name"), Concat(Quote(from.name()), ", expected a header's name"));
  }
  if (from.has_range_match() && from.range_match().start() >= from.range_match().end()) {
    context.errors.Add(FieldPath(path, "range_match"), "nothing lies between start and end");
  }
  return match::HeaderMatcher(http::FieldName(from.name()), BuildTest(context, from, path), from.invert_match(),
                              from.treat_missing_header_as_empty());
}

match::ValueMatcher BuildValueMatcher(BuildContext& context, const matcher::ValueMatcher& from,
                                      const std::string& path) {
  using match::ValueMatcher;
  switch (from.match_pattern_case()) {
    case matcher::ValueMatcher::kDoubleMatch: {
      const matcher::DoubleMatcher& number = from.double_match();
      if (number.has_range()) {
        return ValueMatcher(ValueMatcher::IsNumber{.begin = number.range().start(), .end = number.range().end()});
      }
      return ValueMatcher(ValueMatcher::IsNumber{.begin = number.exact(), .exact = true});
    }
    case matcher::ValueMatcher::kStringMatch:
      return ValueMatcher(BuildStringMatcher(context, from.string_match(), FieldPath(path, "string_match")));
    case matcher::ValueMatcher::kBoolMatch:
      return ValueMatcher(from.bool_match());
    case matcher::ValueMatcher::kPresentMatch:
      return ValueMatcher(match::Present{from.present_match()});
    case matcher::ValueMatcher::kListMatch:
      return ValueMatcher(ValueMatcher::HasElement{std::make_shared<ValueMatcher>(BuildValueMatcher(
          context, from.list_match().one_of(), FieldPath(FieldPath(path, "list_match"), "one_of")))});
    case matcher::ValueMatcher::kOrMatch: {
      const std::string field = FieldPath(FieldPath(path, "or_match"), "value_matchers");
      const auto& several = from.or_match().value_matchers();
      if (several.size() < 2) context.errors.Add(field, Concat(several.size(), " matchers, expected at least 2"));
      ValueMatcher::IsOneOf any;
      for (int i = 0; i < several.size(); ++i) {
        any.matchers.push_back(BuildValueMatcher(context, several[i], ElementPath(field, i)));
      }
      return ValueMatcher(std::move(any));
    }
    default:
      return ValueMatcher(ValueMatcher::IsNull{});
  }
}

match::MetadataMatcher BuildMetadataMatcher(BuildContext& context, const matcher::MetadataMatcher& from,
                                            const std::string& path) {
  match::MetadataMatcher built{.space = from.filter(), .path = {}, .value = {}, .invert = from.invert()};
  for (const auto& segment : from.path()) built.path.push_back(segment.key());
  built.value =
      std::make_shared<match::ValueMatcher>(BuildValueMatcher(context, from.value(), FieldPath(path, "value")));
  return built;
}

match::IpRange BuildIpRange(BuildContext& context, const envoy::config::core::v3::CidrRange& from,
                            const std::string& path) {
  const std::optional<match::IpAddress> address = match::IpAddress::Parse(from.address_prefix());
  if (!address) {
    if (!from.address_prefix().empty()) {
      context.errors.Add(FieldPath(path, "address_prefix"),
                         Concat(Quote(from.address_prefix()), ", expected an IP address"));
    }
    return match::IpRange({}, 0);
  }
  const uint32_t bits = from.prefix_len().value();
  if (bits > static_cast<uint32_t>(address->bits())) {
    context.errors.Add(FieldPath(path, "prefix_len"), Concat(bits, ", expected at most ", address->bits()));
    return match::IpRange({}, 0);
  }
  return match::IpRange(*address, static_cast<int>(bits));
}

match::Fraction BuildFraction(const envoy::type::v3::FractionalPercent& from) {
  using envoy::type::v3::FractionalPercent;
  const uint32_t denominator = from.denominator() == FractionalPercent::MILLION        ? 1'000'000
                               : from.denominator() == FractionalPercent::TEN_THOUSAND ? 10'000
                                                                                       : 100;
  return {.numerator = from.numerator(), .denominator = denominator};
}

match::RuntimeFraction BuildFraction(BuildContext& context,
                                     const envoy::config::core::v3::RuntimeFractionalPercent& from) {
  return {.fraction = BuildFraction(from.default_value()), .key = context.runtime_keys->Find(from.runtime_key())};
}

match::QueryMatcher BuildQueryMatcher(BuildContext& context, const v3::QueryParameterMatcher& from,
                                      const std::string& path) {
  match::QueryMatcher::Test test = match::Present{};
  if (from.has_present_match()) test = match::Present{from.present_match()};
  if (from.has_string_match()) {
    test = BuildStringMatcher(context, from.string_match(), FieldPath(path, "string_match"));
  }
  return {from.name(), std::move(test)};
}

match::RequestMatcher BuildRequestMatcher(BuildContext& context, const v3::RouteMatch& from,
                                          const std::string& path) {
  match::RequestMatcher request;
  BuildPath(context, from, path, request);
  if (from.has_case_sensitive()) request.case_sensitive = from.case_sensitive().value();
  for (int i = 0; i < from.headers_size(); ++i) {
    request.headers.push_back(
        BuildHeaderMatcher(context, from.headers(i), ElementPath(FieldPath(path, "headers"), i)));
  }
  for (int i = 0; i < from.query_parameters_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "query_parameters"), i);
    request.query_parameters.push_back(BuildQueryMatcher(context, from.query_parameters(i), place));
  }
  for (int i = 0; i < from.cookies_size(); ++i) {
    const v3::CookieMatcher& cookie = from.cookies(i);
    const std::string place = FieldPath(ElementPath(FieldPath(path, "cookies"), i), "string_match");
    request.cookies.emplace_back(cookie.name(), BuildStringMatcher(context, cookie.string_match(), place),
                                 cookie.invert_match());
  }
  for (int i = 0; i < from.dynamic_metadata_size(); ++i) {
    request.metadata.push_back(BuildMetadataMatcher(context, from.dynamic_metadata(i),
                                                    ElementPath(FieldPath(path, "dynamic_metadata"), i)));
  }
  for (int i = 0; i < from.filter_state_size(); ++i) {
    const std::string place = FieldPath(ElementPath(FieldPath(path, "filter_state"), i), "string_match");
    request.filter_state.push_back(
        {from.filter_state(i).key(), BuildStringMatcher(context, from.filter_state(i).string_match(), place)});
  }
  request.grpc = from.has_grpc();
  const v3::RouteMatch::TlsContextMatchOptions& tls = from.tls_context();
  if (tls.has_presented()) request.certificate_presented = tls.presented().value();
  if (tls.has_validated()) request.certificate_validated = tls.validated().value();
  if (from.has_runtime_fraction()) request.fraction = BuildFraction(context, from.runtime_fraction());
  return request;
}

}  // namespace pillion::config
