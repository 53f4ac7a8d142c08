#include "source/ctl/alignment.h"

#include <algorithm>
#include <unordered_map>

namespace pillion::ctl {
namespace {

// Pairs beyond which more of one element's are not looked at: lists of thousands of equal elements.
constexpr size_t kMostPlaces = 64;

// The end of a common subsequence, and what is before it.
struct Link {
  size_t a;
  size_t b;
  ptrdiff_t before;
};

}  // namespace

std::vector<std::pair<size_t, size_t>> LongestCommon(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  std::unordered_map<uint32_t, std::vector<size_t>> places;  // in b, ascending
  for (size_t j = 0; j < b.size(); ++j) places[b[j]].push_back(j);
  std::vector<Link> links;
  std::vector<ptrdiff_t> ends;  // of the best one of each length: the one that ends first in b
  for (size_t i = 0; i < a.size(); ++i) {
    const auto found = places.find(a[i]);
    if (found == places.end()) continue;
    const std::vector<size_t>& in_b = found->second;
    // Of many the nearest ones.
    size_t last = in_b.size();
    if (last > kMostPlaces) {
      const auto near = std::lower_bound(in_b.begin(), in_b.end(), i);
      last = std::min(in_b.size(), static_cast<size_t>(near - in_b.begin()) + kMostPlaces / 2);
    }
    const size_t first = last > kMostPlaces ? last - kMostPlaces : 0;
    for (size_t at = last; at-- > first;) {  // descending, so that none follows another of the same `i`
      const size_t j = in_b[at];
      const auto end = std::lower_bound(ends.begin(), ends.end(), j, [&](ptrdiff_t link, size_t place) {
        return links[static_cast<size_t>(link)].b < place;
      });
      const ptrdiff_t before = end == ends.begin() ? -1 : *(end - 1);
      links.push_back({i, j, before});
      const auto link = static_cast<ptrdiff_t>(links.size() - 1);
      if (end == ends.end()) {
        ends.push_back(link);
      } else {
        *end = link;
      }
    }
  }
  std::vector<std::pair<size_t, size_t>> common;
  for (ptrdiff_t link = ends.empty() ? -1 : ends.back(); link >= 0; link = links[static_cast<size_t>(link)].before) {
    common.emplace_back(links[static_cast<size_t>(link)].a, links[static_cast<size_t>(link)].b);
  }
  std::reverse(common.begin(), common.end());
  return common;
}

}  // namespace pillion::ctl
