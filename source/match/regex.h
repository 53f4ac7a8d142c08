#pragma once

// A regular expression in RE2's syntax: its time is linear in the text, whatever it is. Cheap to copy.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace pillion::match {

class RegexSequence;

class Regex {
 public:
  // An error says what is wrong with the pattern.
  static absl::StatusOr<Regex> Compile(std::string_view pattern);

  // The whole of `text` matches.
  bool Matches(std::string_view text) const;

  const std::string& pattern() const;

  // What each text that matches begins with, as far as that is easily told; may be empty.
  std::string LiteralPrefix() const;

  // What is enough to match; null where RE2 has to.
  const RegexSequence* sequence() const;

  // The first call may have to compile it.
  const re2::RE2& re2() const;

 private:
  struct Compiled;

  explicit Regex(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const Compiled> compiled_;  // never null
};

}  // namespace pillion::match
