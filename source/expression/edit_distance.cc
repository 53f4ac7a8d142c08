#include "source/expression/edit_distance.h"

#include <algorithm>
#include <vector>

namespace pillion::expression {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t before = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t other = before + (a[i - 1] != b[j - 1]);
      before = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, other});
    }
  }
  return row[b.size()];
}

}  // namespace pillion::expression
