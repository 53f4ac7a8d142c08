#pragma once

// What the pages of the administration have in common: the head, and forms for an endpoint's parameters. All is whole
// without scripts, and nothing comes from elsewhere.

#include <string>
#include <string_view>

#include "source/admin/endpoints.h"

namespace pillion::admin {

// As text within a page, or the value of an attribute.
std::string EscapeHtml(std::string_view text);

// All up to the body's begin.
std::string PageHead(std::string_view title);

// Appends the field of a form. `value`: what it has now; null: nothing.
void AppendInput(std::string& out, const Parameter& parameter, const std::string* value);

}  // namespace pillion::admin
