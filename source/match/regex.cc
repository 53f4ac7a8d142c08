#include "source/match/regex.h"

#include <re2/re2.h>

#include <mutex>
#include <optional>

#include "source/match/regex_sequence.h"

namespace pillion::match {
namespace {

// There is a '|' outside of all groups and classes; or it is not easily told.
bool MayHaveAlternatives(std::string_view pattern) {
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    switch (pattern[i]) {
      case '\\':
        if (pattern.substr(i).starts_with("\\Q")) return true;
        ++i;
        break;
      case '[':  // "[]a]" and "[^]a]" hold a ']'; classes within are "[:alpha:]"
        return pattern.find('|') != std::string_view::npos;
      case '(':
        ++depth;
        break;
      case ')':
        --depth;
        break;
      case '|':
        if (depth == 0) return true;
        break;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

struct Regex::Compiled {
  explicit Compiled(std::string_view text)
      : pattern(text), re2(std::make_unique<const re2::RE2>(pattern, re2::RE2::Quiet)) {
    if (re2->ok()) sequence = RegexSequence::Make(pattern);
  }

  const std::string pattern;
  std::optional<RegexSequence> sequence;  // what matches, if that is all that is needed
  mutable std::once_flag once;            // where `re2` is made when it is asked for
  mutable std::unique_ptr<const re2::RE2> re2;
};

absl::StatusOr<Regex> Regex::Compile(std::string_view pattern) {
  auto compiled = std::make_shared<Compiled>(pattern);
  if (!compiled->re2->ok()) return absl::InvalidArgumentError(compiled->re2->error());
  // Thousands of routes need not keep what none of them asks.
  if (compiled->sequence) compiled->re2.reset();
  return Regex(std::move(compiled));
}

bool Regex::Matches(std::string_view text) const {
  if (compiled_->sequence) return compiled_->sequence->Matches(text);
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled_->re2);
}

const std::string& Regex::pattern() const { return compiled_->pattern; }

const RegexSequence* Regex::sequence() const {
  return compiled_->sequence ? &*compiled_->sequence : nullptr;
}

const re2::RE2& Regex::re2() const {
  std::call_once(compiled_->once, [this] {
    if (compiled_->re2 != nullptr) return;
    compiled_->re2 = std::make_unique<const re2::RE2>(compiled_->pattern, re2::RE2::Quiet);
  });
  return *compiled_->re2;
}

std::string Regex::LiteralPrefix() const {
  std::string_view rest = pattern();
  std::string prefix;
  if (MayHaveAlternatives(rest)) return prefix;
  if (rest.starts_with('^')) rest.remove_prefix(1);
  while (!rest.empty()) {
    const bool escaped = rest[0] == '\\';
    if (escaped && rest.size() == 1) break;
    const char c = rest[escaped];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    // An escaped letter is a class or an assertion, other signs stand for themselves.
    const bool special = std::string_view(".[]()*+?{}|^$").find(c) != std::string_view::npos;
    if (c < 0x20 || c > 0x7e || (escaped ? letter : special)) break;
    rest.remove_prefix(escaped ? 2 : 1);
    if (!rest.empty() && (rest[0] == '*' || rest[0] == '?' || rest[0] == '{')) break;
    prefix += c;
    if (!rest.empty() && rest[0] == '+') break;
  }
  return prefix;
}

}  // namespace pillion::match
