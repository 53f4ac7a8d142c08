#include "source/match/regex_set.h"

#include <re2/set.h>

#include <algorithm>

namespace pillion::match {
namespace {

re2::RE2::Options Options(size_t regexes) {
  re2::RE2::Options options(re2::RE2::Quiet);
  // A state of the automaton lists what all of them may go on with.
  options.set_max_mem(static_cast<int64_t>(std::clamp<size_t>(regexes * 32768, 8 << 20, 256 << 20)));
  return options;
}

}  // namespace

struct RegexSet::Compiled {
  explicit Compiled(size_t regexes) : set(Options(regexes), re2::RE2::ANCHOR_BOTH) {}

  re2::RE2::Set set;
  bool usable = true;
};

RegexSet::RegexSet(std::span<const Regex> regexes) : compiled_(std::make_unique<Compiled>(regexes.size())) {
  for (const Regex& regex : regexes) {
    compiled_->usable = compiled_->usable && compiled_->set.Add(regex.pattern(), nullptr) >= 0;
  }
  compiled_->usable = compiled_->usable && compiled_->set.Compile();
}

RegexSet::~RegexSet() = default;

bool RegexSet::Find(std::string_view text, std::vector<int>& positions) const {
  positions.clear();
  if (!compiled_->usable) return false;
  re2::RE2::Set::ErrorInfo error;
  if (!compiled_->set.Match(re2::StringPiece(text.data(), text.size()), &positions, &error)) {
    return error.kind == re2::RE2::Set::kNoError;
  }
  std::sort(positions.begin(), positions.end());
  return true;
}

}  // namespace pillion::match
