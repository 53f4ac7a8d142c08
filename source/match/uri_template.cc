#include "source/match/uri_template.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace pillion::match {
namespace {

constexpr size_t kMostVariables = 5;
constexpr size_t kLongestName = 16;
constexpr std::string_view kLiteral = "-._~%!$&'()+,;:@=";
constexpr char kSegment[] = "[a-zA-Z0-9-._~%!$&'()+,;:@]+";
constexpr char kSegments[] = "[a-zA-Z0-9-._~%!$&'()+,;:@/]*";

bool IsLiteral(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || kLiteral.find(c) != kLiteral.npos; }

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && absl::ascii_isalpha(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; });
}

absl::string_view Absl(std::string_view text) { return {text.data(), text.size()}; }

absl::Status Wrong(size_t at, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("byte ", at, ": ", Absl(what)));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::Status Parse() {
    if (!text_.starts_with('/')) return Wrong(0, "expected '/'");
    return ParsePart(text_.size(), /*in_variable=*/false);
  }

  std::string pattern;
  std::vector<std::string> variables;

 private:
  absl::Status ParsePart(size_t end, bool in_variable) {
    while (at_ < end) {
      const char c = text_[at_];
      if (c == '*' || c == '{') {
        if (after_all_) return Wrong(at_, "nothing but text may follow \"**\"");
        if (c == '{' && in_variable) return Wrong(at_, "a variable within another");
        const absl::Status status = c == '*' ? ParseOperator() : ParseVariable();
        if (!status.ok()) return status;
      } else if (c == '/') {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '/') return Wrong(at_, "\"//\"");
        pattern += c;
        ++at_;
      } else if (IsLiteral(c)) {
        if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) pattern += '\\';
        pattern += c;
        ++at_;
      } else {
        return Wrong(at_, "no byte of a path, expected others as %XX");
      }
    }
    return absl::OkStatus();
  }

  absl::Status ParseOperator() {
    const bool all = text_.substr(at_).starts_with("**");
    pattern += all ? kSegments : kSegment;
    after_all_ = all;
    at_ += all ? 2 : 1;
    if (at_ < text_.size() && text_[at_] == '*') return Wrong(at_, "expected '*' or \"**\"");
    return absl::OkStatus();
  }

  absl::Status ParseVariable() {
    const size_t begin = at_;
    const size_t end = text_.find('}', at_);
    if (end == text_.npos) return Wrong(at_, "a '{' without its '}'");
    const size_t equals = std::min(text_.substr(0, end).find('=', at_), end);
    const std::string name(text_.substr(at_ + 1, equals - at_ - 1));
    if (!IsName(name)) return Wrong(at_ + 1, "expected a name of at most 16 letters, digits and '_'");
    if (std::find(variables.begin(), variables.end(), name) != variables.end()) {
      return Wrong(begin, absl::StrCat("a second variable \"", name, "\""));
    }
    if (variables.size() == kMostVariables) return Wrong(begin, "expected at most 5 variables");
    variables.push_back(name);
    pattern += '(';
    if (equals == end) {
      pattern += kSegment;
    } else {
      at_ = equals + 1;
      if (at_ == end) return Wrong(at_, "expected a pattern");
      if (absl::Status status = ParsePart(end, /*in_variable=*/true); !status.ok()) return status;
    }
    pattern += ')';
    at_ = end + 1;
    return absl::OkStatus();
  }

  const std::string_view text_;
  size_t at_ = 0;
  bool after_all_ = false;
};

}  // namespace

absl::StatusOr<UriTemplate> UriTemplate::Parse(std::string_view text) {
  Parser parser(text);
  if (absl::Status status = parser.Parse(); !status.ok()) return status;
  absl::StatusOr<Regex> regex = Regex::Compile("^" + parser.pattern + "$");
  if (!regex.ok()) return regex.status();
  return UriTemplate(*std::move(regex), std::move(parser.variables));
}

absl::StatusOr<std::string> UriTemplate::Substitution(std::string_view text) const {
  if (!text.starts_with('/')) return Wrong(0, "expected '/'");
  std::string substitution;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      if (text[i] != '/' && !IsLiteral(text[i])) return Wrong(i, "no byte of a path, expected others as %XX");
      if (text.substr(i).starts_with("//")) return Wrong(i, "\"//\"");
      substitution += text[i];
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == text.npos) return Wrong(i, "a '{' without its '}'");
    const auto found = std::find(variables_.begin(), variables_.end(), text.substr(i + 1, end - i - 1));
    if (found == variables_.end()) {
      return Wrong(i, absl::StrCat("\"", Absl(text.substr(i + 1, end - i - 1)),
                                   "\" is no variable of the route's template"));
    }
    substitution += absl::StrCat("\\", found - variables_.begin() + 1);
    i = end;
  }
  return substitution;
}

}  // namespace pillion::match
