#pragma once

// A request to the administration and its answer, apart from the bytes on the wire.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pillion::admin {

struct Request {
  std::string method;
  std::string path;                                        // without the query
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in their order
  std::string body;                                        // where the endpoint takes one
  std::string accept = {};                                 // that header

  // The last value of `name`; null when there is none or it is empty, as a form sends a field that was left blank.
  const std::string* Find(std::string_view name) const;
  // True for `name`, `name=`, and every value but false, off and 0.
  bool Flag(std::string_view name) const;
  // Whether JSON is wanted, or text; nothing: another `format`.
  std::optional<bool> WantsJson() const;
};

// `target` as in a request line: "/stats?format=json". False when it is no path.
bool ParseTarget(std::string_view target, Request& request);

// Adds the fields of a form's body (application/x-www-form-urlencoded) to the query.
void AddForm(std::string_view body, Request& request);

struct Reply {
  static Reply Text(int status, std::string body) {
    return {status, "text/plain; charset=UTF-8", std::move(body), {}};
  }
  static Reply Json(std::string body) { return {200, "application/json", std::move(body), {}}; }
  static Reply WrongFormat() { return Text(400, "format: expected text or json\n"); }
  static Reply Html(std::string body) { return {200, "text/html; charset=UTF-8", std::move(body), {}}; }

  int status = 200;
  std::string_view content_type;
  std::string body;
  std::function<void()> after;  // to be called when the answer has been written, or could not be
};

}  // namespace pillion::admin
