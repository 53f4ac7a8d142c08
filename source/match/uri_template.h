#pragma once

// Paths with variables, as Envoy's uri_template extensions have them: "/media/{country}/{lang=*}/**". `*` stands for some
// of one segment, `**` for any number of segments, and no operator follows it; {name} for what {name=*} does.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "source/match/regex.h"

namespace pillion::match {

class UriTemplate {
 public:
  // An error says what is wrong, and where.
  static absl::StatusOr<UriTemplate> Parse(std::string_view text);

  const Regex& regex() const { return regex_; }  // of the whole path; a group for each variable

  // "/{lang}/x" as the substitution of a RegexRewrite. An error names a variable that the template does not have.
  absl::StatusOr<std::string> Substitution(std::string_view text) const;

 private:
  UriTemplate(Regex regex, std::vector<std::string> variables)
      : regex_(std::move(regex)), variables_(std::move(variables)) {}

  Regex regex_;
  std::vector<std::string> variables_;  // of the first group and so on
};

}  // namespace pillion::match
