# A server that is up in a moment. Its paths: /slow answers after SLOW seconds, /never never, /hiccup not between 2 and 6 s; any other at once.
use strict;
use warnings;
use IO::Socket::INET;

$| = 1;
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalPort => 8889, Listen => 20, ReuseAddr => $ENV{SHARE_PORT} // 1)
    or die "the port 8889: $!\n";
my $began = time;
print "INFO the server listens\n";
while (1) {
    my $client = $server->accept or next;
    my $line = <$client> // '';
    my ($path) = $line =~ m{^GET (\S+)};
    while (defined(my $header = <$client>)) { last if $header =~ /^\r?\n$/ }
    my $age = time - $began;
    my $bad = ($path // '') eq '/never' || (($path // '') eq '/slow' && $age < ($ENV{SLOW} // 0))
        || (($path // '') eq '/hiccup' && $age >= 2 && $age < 6);
    my ($status, $body) = $bad ? ('503 Service Unavailable', "not yet\n") : ('200 OK', "{\"runs\": []}\n");
    print $client "HTTP/1.0 $status\r\nContent-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    close $client;
    exit 4 if $ENV{DIES_AFTER} && $age >= $ENV{DIES_AFTER};
}
