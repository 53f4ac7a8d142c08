#pragma once

// Which known name a wrong one was probably meant to be.

#include <string>
#include <string_view>
#include <vector>

namespace pillion::config {

// The known name with the fewest edits (insert, delete, replace, swap neighbours) from `name`; empty if each needs
// more than three, or more than a third of the longer name.
std::string_view NearestName(std::string_view name, const std::vector<std::string_view>& known);

// `, did you mean "filters"?`, or nothing.
std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& known);

// The same of fields, `a_b_c`. If none is so near: the only known one with a word that `name` has as well, of six letters at
// least ("on_malformed", "reject_malformed").
std::string DidYouMeanField(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace pillion::config
