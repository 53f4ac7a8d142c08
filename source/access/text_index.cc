#include "source/access/text_index.h"

#include <re2/set.h>

#include <algorithm>

#include "source/access/condition.h"

namespace pillion::access {
namespace {

// So many are asked one after the other.
constexpr size_t kFew = 4;

void AddNumber(std::vector<uint32_t>& numbers, uint32_t number) {
  if (numbers.empty() || numbers.back() != number) numbers.push_back(number);
}

uint32_t FirstFrom(std::span<const uint32_t> numbers, uint32_t least) {
  if (numbers.empty()) return TextIndex::kNone;
  if (numbers.front() >= least) return numbers.front();
  const auto found = std::lower_bound(numbers.begin(), numbers.end(), least);
  return found == numbers.end() ? TextIndex::kNone : *found;
}

}  // namespace

struct TextIndex::Group {
  size_t begin;
  size_t end;
  std::unique_ptr<re2::RE2::Set> set;  // null: any may match
  std::unique_ptr<Group> halves[2];    // null: they are few
};

TextIndex::TextIndex() = default;
TextIndex::~TextIndex() = default;
TextIndex::TextIndex(TextIndex&&) noexcept = default;
TextIndex& TextIndex::operator=(TextIndex&&) noexcept = default;

void TextIndex::Add(uint32_t rule, const std::vector<TextPattern>& patterns) {
  for (const TextPattern& pattern : patterns) {
    switch (pattern.kind) {
      case TextPattern::Kind::kExact:
        AddNumber(exact_[pattern.text], rule);
        break;
      case TextPattern::Kind::kPrefix:
        added_prefixes_.emplace_back(pattern.text, rule);
        break;
      case TextPattern::Kind::kRegex:
        regexes_.push_back({rule, pattern.text});
        break;
    }
  }
}

void TextIndex::Finish() {
  std::vector<std::string> prefixes;
  for (const auto& [prefix, rule] : added_prefixes_) prefixes.push_back(prefix);
  prefixes_ = PrefixIndex(std::move(prefixes));
  of_prefix_.resize(prefixes_.size());
  for (const auto& [prefix, rule] : added_prefixes_) of_prefix_[prefixes_.NumberOf(prefix)].push_back(rule);
  added_prefixes_ = {};
  // The shorter ones of each come before it.
  for (uint32_t i = 0; i < prefixes_.size(); ++i) {
    Numbers& numbers = of_prefix_[i];
    if (const uint32_t shorter = prefixes_.Shorter(i); shorter != PrefixIndex::kNone) {
      numbers.insert(numbers.end(), of_prefix_[shorter].begin(), of_prefix_[shorter].end());
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  }
  if (regexes_.size() > kFew) all_ = MakeGroup(0, regexes_.size());
}

std::unique_ptr<TextIndex::Group> TextIndex::MakeGroup(size_t begin, size_t end) const {
  auto group = std::make_unique<Group>(Group{.begin = begin, .end = end, .set = {}, .halves = {}});
  auto set = std::make_unique<re2::RE2::Set>(re2::RE2::Quiet, re2::RE2::ANCHOR_BOTH);
  bool good = true;
  for (size_t i = begin; i < end; ++i) good = good && set->Add(regexes_[i].pattern, nullptr) >= 0;
  if (good && set->Compile()) group->set = std::move(set);
  if (end - begin > kFew) {
    const size_t middle = begin + (end - begin) / 2;
    group->halves[0] = MakeGroup(begin, middle);
    group->halves[1] = MakeGroup(middle, end);
  }
  return group;
}

TextIndex::Search TextIndex::Find(std::string_view text) const {
  Search search{.text = text, .exact = {}, .prefix = {}};
  const auto exact = exact_.find(absl::string_view(text.data(), text.size()));
  if (exact != exact_.end()) search.exact = exact->second;
  const uint32_t prefix = prefixes_.size() == 0 ? PrefixIndex::kNone : prefixes_.Longest(text);
  if (prefix != PrefixIndex::kNone) search.prefix = of_prefix_[prefix];
  search.text_is_utf8 = regexes_.empty() || IsUtf8(text);
  return search;
}

uint32_t TextIndex::FirstOf(size_t begin, size_t end, uint32_t least) const {
  for (size_t i = begin; i < end; ++i) {
    if (regexes_[i].rule >= least) return regexes_[i].rule;
  }
  return kNone;
}

uint32_t TextIndex::NextOf(const Group& group, Search& search, uint32_t least) const {
  if (regexes_[group.end - 1].rule < least) return kNone;
  if (group.set != nullptr) {
    re2::RE2::Set::ErrorInfo error;
    const bool matches = group.set->Match(re2::StringPiece(search.text.data(), search.text.size()), nullptr, &error);
    // Where there was no memory for it, it has found out nothing.
    if (!matches && error.kind == re2::RE2::Set::kNoError) return kNone;
  }
  if (group.halves[0] == nullptr) {
    search.found_end = group.end;
    return FirstOf(group.begin, group.end, least);
  }
  const uint32_t first = NextOf(*group.halves[0], search, least);
  return first != kNone ? first : NextOf(*group.halves[1], search, least);
}

uint32_t TextIndex::Next(Search& search, uint32_t least) const {
  const uint32_t next = std::min(FirstFrom(search.exact, least), FirstFrom(search.prefix, least));
  if (regexes_.empty()) return next;
  // What is no text is unclear to every regular expression.
  if (all_ == nullptr || !search.text_is_utf8) return std::min(next, FirstOf(0, regexes_.size(), least));
  // The rest of the few in which one matches need no search of their own.
  const size_t end = search.found_end;
  const uint32_t rest = FirstOf(end - std::min(end, kFew), end, least);
  return std::min(next, rest != kNone ? rest : NextOf(*all_, search, least));
}

bool TextIndex::IsSure(const Search& search, uint32_t rule) const {
  return std::binary_search(search.exact.begin(), search.exact.end(), rule) ||
         std::binary_search(search.prefix.begin(), search.prefix.end(), rule);
}

}  // namespace pillion::access
