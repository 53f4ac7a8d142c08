#pragma once

// Whether a request is tried again: what its terms say, and how much of that is used up. Member of a stream; made only
// where it can matter.
//
// A request is tried again only while nothing of a response has gone downstream, and while its body so far is still
// held. A request without a body gets one more try without being told to in two cases: an idle connection ended just
// when it was used again (RFC 9112, 9.3.1) and the request may be repeated (RFC 9110, 9.2.2); or the terms ask for none, and
// the peer has refused the request unprocessed (RFC 9113, 8.7): more streams than it takes, or it is about to go.

#include <cstdint>
#include <optional>

#include "source/base/random.h"
#include "source/config/route.h"
#include "source/http/message.h"
#include "source/proxy/request_terms.h"
#include "source/upstream/breaker.h"
#include "source/upstream/cluster_stats.h"

namespace pillion::proxy {

// What an attempt without an answer ended by.
enum class AttemptEnd : uint8_t {
  kOverflow,        // a breaker refused it: trying again would only ask once more
  kConnectFailed,   // or timed out
  kRefused,         // by the peer, unprocessed
  kReset,           // any other end before the answer, a bad answer too
  kTimeout,         // per_try_timeout, per_try_idle_timeout
};

class Retry {
 public:
  // `terms` outlive it.
  explicit Retry(const RequestTerms& terms) : terms_(terms) {}
  ~Retry() { GiveBack(); }
  Retry(const Retry&) = delete;
  Retry& operator=(const Retry&) = delete;

  // True while another try is possible: the body is held for it.
  bool possible() const {
    return terms_.retry_on != 0 && used_ < terms_.num_retries && !abandoned_;
  }
  // The body became larger than what is held.
  void Abandon() { abandoned_ = true; }

  // True: try again, after Delay(). Takes one of the breaker's retries until the next call, or the end.
  bool AfterEnd(AttemptEnd end, upstream::RetryBreaker& breaker, upstream::ClusterStats& stats);
  // `now`: what the answer's times are compared with.
  bool AfterResponse(const http::ResponseHead& head, base::WallTime now, upstream::RetryBreaker& breaker,
                     upstream::ClusterStats& stats);
  // It takes longer than per_try_timeout, and goes on beside another one, whatever retry_on says of timeouts.
  bool AfterLateness(upstream::RetryBreaker& breaker, upstream::ClusterStats& stats);
  // Such an answer would be tried again, if that may be.
  bool Wants(const http::ResponseHead& head) const;
  // The attempt's connection had served others and ended without a byte in answer.
  bool AfterStaleConnection(const http::RequestHead& request, bool has_body);
  // The peer has not processed it.
  bool AfterRefusal(bool has_body);

  base::Duration Delay(base::Random& random) const;

  // An answer came that is not tried again: counted when it took more than one try. `by_retry`: not of an attempt beside
  // which the next was made.
  void OnAnswer(upstream::ClusterStats& stats, bool by_retry = true);

  uint32_t used() const { return used_; }
  bool exhausted() const { return exhausted_; }  // one more would have been made
  bool overflowed() const { return overflowed_; }  // the same, but for the breaker

 private:
  // False: not another one.
  bool Take(upstream::RetryBreaker& breaker, upstream::ClusterStats& stats);
  void GiveBack();

  const RequestTerms& terms_;
  std::optional<base::Duration> told_delay_;  // by the last answer
  upstream::RetryBreaker* breaker_ = nullptr;  // of which one is taken
  uint32_t used_ = 0;
  bool free_try_used_ = false;
  bool abandoned_ = false;
  bool exhausted_ = false;
  bool overflowed_ = false;
};

}  // namespace pillion::proxy
