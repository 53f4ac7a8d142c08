#pragma once

// A regular expression that needs no automaton: a sequence of characters and classes, some repeated, where the first
// character of what follows a repetition always tells that it has ended. Most paths of routes are such:
// "/users/[^/]+/orders/[0-9]+". One small piece of memory and one pass over the text, where RE2 touches thousands of
// bytes. Immutable, any thread.

#include <optional>
#include <string>
#include <string_view>

namespace pillion::match {

class RegexSequence {
 public:
  // `pattern` is one that RE2 takes. Nothing: it is not of this kind.
  static std::optional<RegexSequence> Make(std::string_view pattern);

  // As RE2 says of the whole of `text`, also where that is not UTF-8.
  bool Matches(std::string_view text) const { return Matches(program_, text); }

  // The same of the program alone, which may be kept elsewhere.
  const std::string& program() const { return program_; }
  static bool Matches(std::string_view program, std::string_view text);

 private:
  explicit RegexSequence(std::string program) : program_(std::move(program)) {}

  std::string program_;  // regex_sequence.cc says how it is read
};

}  // namespace pillion::match
