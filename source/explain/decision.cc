#include "source/explain/decision.h"

#include <fmt/format.h>

#include "source/explain/texts.h"

namespace pillion::explain {

bool DescribeDecision(std::string_view name, const access::Engine& engine, const access::Request& request, Answer& answer) {
  if (engine.has_expressions() && request.attributes == nullptr) {
    answer.Text(name, "asked when a request comes: it has expressions");
    return true;
  }
  const access::Decision decision = engine.Decide(request);
  const std::string_view policy = engine.NameOf(decision);
  const std::string why = policy.empty() ? "no policy fits" : fmt::format("by policy {}", Quoted(policy));
  answer.Text(name, fmt::format("{}: {}", decision.allowed ? "allowed" : "denied", why));
  return decision.allowed;
}

}  // namespace pillion::explain
