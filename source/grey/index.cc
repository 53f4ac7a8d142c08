#include "source/grey/index.h"

#include <algorithm>

#include "source/base/xxhash64.h"
#include "source/grey/index_builder.h"

namespace pillion::grey {

size_t Index::TextHash::operator()(std::string_view text) const { return base::XxHash64(text); }

Index::Index(const std::vector<Entry>& rules) { Builder(*this, rules).Build(); }

Index::Candidates::Candidates(const Index& index, const Request& request) : index_(index) {
  Add(index.others_, request.arena);
  for (size_t i = 0; i < index.asked_; ++i) {
    const Group& group = index.groups_[i];
    if (const std::optional<std::string_view> text = Read(group.source, request)) AddOf(group, *text, request.arena);
  }
  if (index.asked_ < index.groups_.size()) FindByName(request);
}

void Index::Candidates::FindByName(const Request& request) {
  using expression::Attribute;
  const expression::Value names = request.attributes.Keys(Attribute::kRequestHeaders, request.arena);
  const auto add = [&](const Group& group) {
    if (const std::optional<std::string_view> text = Read(group.source, request)) AddOf(group, *text, request.arena);
  };
  if (!names.Is(expression::Kind::kList)) {  // there are too many
    for (size_t i = index_.asked_; i < index_.groups_.size(); ++i) add(index_.groups_[i]);
    return;
  }
  for (const expression::Value& name : names.items()) {
    const auto found = index_.by_name_.find(name.text());
    if (found != index_.by_name_.end()) add(index_.groups_[found->second]);
  }
}

void Index::Candidates::AddOf(const Group& group, std::string_view text, base::Arena& arena) {
  if (!group.exact.empty()) {
    const auto found = group.exact.find(text);
    if (found != group.exact.end()) Add(found->second, arena);
  }
  if (!group.starts.empty()) {
    const std::optional<int64_t> number = ParseNumber(text);
    const auto after = number ? std::upper_bound(group.starts.begin(), group.starts.end(), *number) : group.starts.begin();
    if (after != group.starts.begin()) Add(group.intervals[static_cast<size_t>(after - group.starts.begin()) - 1], arena);
  }
  Add(group.any, arena);
}

void Index::Candidates::Add(const List& list, base::Arena& arena) {
  if (list.size == 0) return;
  if (size_ == room_) {
    auto* const more = arena.NewArray<Cursor>(room_ * 2);
    std::copy(cursors_, cursors_ + size_, more);
    cursors_ = more;
    room_ *= 2;
  }
  const uint32_t* const begin = index_.pool_.data() + list.begin;
  cursors_[size_++] = {begin, begin + list.size};
}

uint32_t Index::Candidates::Next() {
  uint32_t least = kEnd;
  size_t place = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (*cursors_[i].next >= least) continue;
    least = *cursors_[i].next;
    place = i;
  }
  if (least == kEnd) return kEnd;
  if (++cursors_[place].next == cursors_[place].end) cursors_[place] = cursors_[--size_];
  return least;
}

}  // namespace pillion::grey
