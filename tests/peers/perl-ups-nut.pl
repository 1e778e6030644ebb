# UPS::Nut, the Perl binding of NUT: HOST PORT.
use strict;
use warnings;
use UPS::Nut;

my ($host, $port) = @ARGV;
my $number = 0;

sub check {
    my ($good, $what) = @_;
    $number++;
    die "check $number failed: $what\n" unless $good;
}

my $nut = UPS::Nut->new(
    NAME => 'lab', HOST => $host, PORT => $port,
    USERNAME => 'admin', PASSWORD => 'secret', TIMEOUT => 5, DEBUG => 0,
) or die "no connection\n";
check($nut->Status eq 'OL CHRG', 'Status');
check($nut->GetVar('ups.load') eq '12', 'GetVar');
check(!defined $nut->GetVar('no.such'), 'a variable that is none');
check($nut->Error =~ /VAR-NOT-SUPPORTED/, 'its error: ' . $nut->Error);
check(join(',', sort keys %{$nut->ListUPS}) eq 'lab,plain,tls', 'ListUPS');
check($nut->ListVar->{'input.voltage'} eq '230.1', 'ListVar');
check(exists $nut->ListRW->{'ups.load'}, 'ListRW');
check(grep { $_ eq 'load.off' } @{$nut->ListCmd}, 'ListCmd');
check($nut->VarDesc('ups.load'), 'VarDesc');
check($nut->VarType('ups.load'), 'VarType');
# 1.51 does not know the word CMDDESC, whichever server says it; what came is in the error.
check(!defined $nut->InstCmdDesc('load.off'), 'InstCmdDesc');
check($nut->Error =~ /CMDDESC lab load\.off "[^"]+"/, 'its error: ' . $nut->Error);
check($nut->Set('ups.delay.shutdown', '58'), 'Set: ' . ($nut->Error // ''));
check($nut->InstCmd('load.off'), 'InstCmd: ' . ($nut->Error // ''));
$nut->Logout;
