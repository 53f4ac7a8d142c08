#pragma once

// Which of many rules may fit a text: rules that each ask for exact texts, prefixes or regular expressions. It leaves out
// those that cannot fit, and decides nothing: whoever asks tries what it names. The cost hardly grows with the number of
// rules. Immutable once built; any thread; a search allocates nothing of ours.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/access/prefix_index.h"

namespace pillion::access {

// What a text may be asked for.
struct TextPattern {
  enum class Kind : uint8_t { kExact, kPrefix, kRegex };

  Kind kind = Kind::kExact;
  std::string text;
};

class TextIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  TextIndex();
  ~TextIndex();
  TextIndex(TextIndex&&) noexcept;
  TextIndex& operator=(TextIndex&&) noexcept;

  // Building: rules in ascending order of their numbers, then Finish().
  void Add(uint32_t rule, const std::vector<TextPattern>& patterns);
  void Finish();

  // Of one text, which has to outlive it.
  struct Search {
    std::string_view text;
    std::span<const uint32_t> exact;
    std::span<const uint32_t> prefix;
    bool text_is_utf8 = true;
    size_t found_end = 0;  // behind the regular expressions that were found last
  };
  Search Find(std::string_view text) const;
  // False: no rule may fit.
  bool MayFind(const Search& search) const {
    return !search.exact.empty() || !search.prefix.empty() || !regexes_.empty();
  }
  // The first rule from `least` on that may fit; kNone: there is none. `least` never goes back.
  uint32_t Next(Search& search, uint32_t least) const;
  // Such a rule does fit: by an exact text or a prefix.
  bool IsSure(const Search& search, uint32_t rule) const;
  bool empty() const { return exact_.empty() && prefixes_.size() == 0 && regexes_.empty(); }

 private:
  using Numbers = std::vector<uint32_t>;  // ascending
  struct Regex {
    uint32_t rule;
    std::string pattern;
  };
  // Regular expressions [begin, end) at once, and halves of them.
  struct Group;

  std::unique_ptr<Group> MakeGroup(size_t begin, size_t end) const;
  uint32_t FirstOf(size_t begin, size_t end, uint32_t least) const;
  uint32_t NextOf(const Group& group, Search& search, uint32_t least) const;

  absl::flat_hash_map<std::string, Numbers> exact_;
  std::vector<std::pair<std::string, uint32_t>> added_prefixes_;  // until Finish()
  PrefixIndex prefixes_;
  std::vector<Numbers> of_prefix_;  // by its number: of it and of all that are shorter
  std::vector<Regex> regexes_;      // by rule
  std::unique_ptr<Group> all_;      // null: there are few regular expressions
};

}  // namespace pillion::access
